"""`leap estimate CONFIG`: what the teacher's calls of a run would come to; nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leap_core.cli.main import Settings

if TYPE_CHECKING:
    from leap_core.analysis.estimate import Estimate, Total


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE",
              help="Override a key, such as rollouts.tasks=40. May be repeated.")  # fmt: skip
@click.option("--sample", type=click.IntRange(min=1), default=8, show_default=True,
              help="Training tasks whose prompts are written to measure them.")  # fmt: skip
@click.option("--failing", type=click.FloatRange(0, 1), default=1.0, show_default=True,
              help="Share of rollouts expected to fail, and so to be corrected.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def command(
    settings: Settings, config: Path, overrides: tuple[str, ...], sample: int, failing: float,
    as_json: bool,
) -> None:  # fmt: skip
    """Estimate the teacher's calls, tokens and cost.

    The teacher's real prompts are written for failed trajectories of a sample of training tasks
    (random ones, as long as the horizon) and measured; no model is asked. CONFIG is a YAML file,
    or the name of a configuration that a plugin ships.
    """
    from leap_core.analysis.estimate import estimates, total
    from leap_core.config.multi_environment import MultiEnvironmentConfig, load_run
    from leap_core.plugins.packaged_configs import packaged_config

    path = config if config.exists() else packaged_config(str(config)) or config
    resolved = load_run(path, overrides)
    if not isinstance(resolved, MultiEnvironmentConfig):
        (found,) = estimates({"": resolved}, sample, failing).values()
        lines = [*_text(found), *_warnings(found)]
        click.echo(json.dumps(found.as_dict()) if as_json else "\n".join(lines))
        return
    parts = estimates(resolved.runs, sample, failing)
    whole = total(list(parts.values()))
    if as_json:
        figures = {label: part.as_dict() for label, part in parts.items()}
        click.echo(json.dumps({"environments": figures, "total": whole.as_dict()}))
        return
    for label, part in parts.items():
        click.echo("\n".join([f"{label}:", *_text(part)]))
    click.echo("\n".join(["together:", *_sums(whole), *_warnings(whole)]))


def _text(found: Estimate) -> list[str]:
    if not found.calls:
        return [f"teacher '{found.teacher}' asks no model: 0 calls, no cost"]
    where = (
        f"{found.iterations} iterations, {found.tasks:,} rollouts each, "
        f"{100 * found.failing:.0f} % failing"
    )
    return [f"teacher '{found.teacher}', level {found.level}", *_sums(found, f"   ({where})")]


def _sums(found: Estimate | Total, where: str = "") -> list[str]:
    each = None if found.cost is None else found.cost / max(1, found.trajectories)
    return [
        f"  trajectories   {found.trajectories:>14,}{where}",
        f"  calls          {found.calls:>14,}",
        f"  prompt tokens  {found.prompt_tokens:>14,}",
        f"  answer tokens  {found.answer_tokens:>14,}",
        f"  cost           {_dollars(found.cost, 2):>14}   ({_dollars(each, 4)} a trajectory)",
    ]


def _dollars(cost: float | None, digits: int) -> str:
    return "unknown" if cost is None else f"${cost:,.{digits}f}"


def _warnings(found: Estimate | Total) -> list[str]:
    if not found.calls:
        return []
    lines = []
    if found.cost is None:
        lines.append("the price is unknown: state it as teacher.options.prices")
    if found.budget is not None and found.cost is not None and found.cost > found.budget:
        lines.append(f"the budget of ${found.budget:,.2f} would stop this run on the way")
    lines.append("answers are guessed at; questions asked again for lost steps come on top")
    return lines
