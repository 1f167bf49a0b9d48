"""`leap evaluate`: score any policy on any split of any environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leap_core.cli.main import Settings
from leap_core.cli.playing_options import playing_options

if TYPE_CHECKING:
    from leap_core.evaluation import Evaluation
    from leap_core.types import Usage


@click.command()
@playing_options
@click.option("--out", type=click.Path(path_type=Path), help="Keep the trajectories here (JSONL).")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.pass_obj
def command(settings: Settings, /, as_json: bool, **arguments: Any) -> None:
    """Score a policy.

    RUN is a run folder; without it, --environment and --policy say what to play. With --out, the
    same command goes on where it was interrupted.
    """
    from leap_core.analysis.score import ScoreRequest, score
    from leap_core.evaluation import as_dict

    scored = score(ScoreRequest(**arguments), "evaluation", quiet=settings.quiet)
    if as_json:
        click.echo(json.dumps(as_dict(scored.evaluation), ensure_ascii=False))
    else:
        _print(scored.evaluation)
    if scored.usage is not None:
        click.echo(usage_line(scored.usage), err=as_json)


def usage_line(usage: Usage) -> str:
    """What paid replies used."""
    cost = "unknown cost" if usage.cost is None else f"${usage.cost:.4f}"
    return (
        f"model calls: {usage.calls} ({usage.cached_calls} more from the cache), "
        f"{usage.prompt_tokens + usage.completion_tokens:,} tokens, {cost}"
    )


def _print(result: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    from leap_core.report.console import settings_line

    table = Table(title=settings_line(result))
    for column in ("", "episodes", "success %", "95 % interval", "score", "actions"):
        table.add_column(column, justify="left" if column == "" else "right")
    seeds = {f"seed {seed}": group for seed, group in result.by_seed.items()}
    for name, group in [*result.by_type.items(), *seeds.items(), ("all", result.overall)]:
        low, high = group.interval
        table.add_row(
            name, str(group.tasks), f"{100 * group.success:.1f}",
            f"{100 * low:.1f}-{100 * high:.1f}", f"{group.score:.3f}", f"{group.actions:.1f}",
        )  # fmt: skip
    Console().print(table, markup=False)
    if result.overall.errored:
        click.echo(f"{result.overall.errored} episodes errored (counted as not succeeded)")
