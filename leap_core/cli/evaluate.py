"""`leap evaluate`: score any policy on any split of any environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leap_core.cli.main import Settings

if TYPE_CHECKING:
    from leap_core.evaluation import Evaluation


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--iteration", type=int, help="Iteration of RUN to score (default: the best).")
@click.option("--policy", help="Model folder, hub id or scripted:NAME, instead of RUN's policy.")
@click.option("--environment", "environment", help="Environment, where no RUN is given.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE",
              help="Override a key, such as environment.options.size=full.")  # fmt: skip
@click.option("--split", help="Split to play (default: the test split, else validation).")
@click.option("--limit", type=click.IntRange(min=1), help="Play this many tasks of the split.")
@click.option("--task", "task_ids", multiple=True, help="Play this task only. May be repeated.")
@click.option("--seed", type=int, help="Seed of the episodes (default: the run's).")
@click.option("--out", type=click.Path(path_type=Path), help="Write the trajectories here (JSONL).")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.pass_obj
def command(
    settings: Settings, run: Path | None, iteration: int | None, policy: str | None,
    environment: str | None, overrides: tuple[str, ...], split: str | None, limit: int | None,
    task_ids: tuple[str, ...], seed: int | None, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Score a policy.

    RUN is a run folder; without it, --environment and --policy say what to play.
    """
    from leap_core.cli.scoring import Request, score
    from leap_core.evaluation import as_dict

    request = Request(
        run, iteration, policy, environment, overrides, split, limit, task_ids, seed, out
    )
    result = score(request, quiet=settings.quiet)
    if as_json:
        click.echo(json.dumps(as_dict(result), ensure_ascii=False))
    else:
        _print(result)


def _print(result: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    from leap_core.report.table import settings_line

    table = Table(title=settings_line(result))
    for column in ("tasks of type", "tasks", "success %", "95 % interval", "score", "actions"):
        table.add_column(column, justify="left" if column == "tasks of type" else "right")
    for name, group in [*result.by_type.items(), ("all", result.overall)]:
        low, high = group.interval
        table.add_row(
            name, str(group.tasks), f"{100 * group.success:.1f}",
            f"{100 * low:.1f}-{100 * high:.1f}", f"{group.score:.3f}", f"{group.actions:.1f}",
        )  # fmt: skip
    Console().print(table, markup=False)
    if result.overall.errored:
        click.echo(f"{result.overall.errored} tasks errored (counted as not succeeded)")
