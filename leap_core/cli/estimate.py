"""`leap estimate CONFIG`: what the teacher's calls of a run would come to; nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leap_core.cli.main import Settings

if TYPE_CHECKING:
    from leap_core.cli.estimating import Estimate


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
    from leap_core.cli.estimating import estimate
    from leap_core.config import load_config
    from leap_core.parts import packaged_config

    path = config if config.exists() else packaged_config(str(config)) or config
    found = estimate(load_config(path, overrides), sample, failing)
    click.echo(json.dumps(found.as_dict()) if as_json else _text(found))


def _text(found: Estimate) -> str:
    if not found.calls:
        return f"teacher '{found.teacher}' asks no model: 0 calls, no cost"
    cost = "unknown" if found.cost is None else f"${found.cost:,.2f}"
    each = "unknown" if found.cost_each is None else f"${found.cost_each:,.4f}"
    where = (
        f"{found.iterations} iterations, {found.tasks:,} rollouts each, "
        f"{100 * found.failing:.0f} % failing"
    )
    lines = [
        f"teacher '{found.teacher}', level {found.level}",
        f"  trajectories   {found.trajectories:>14,}   ({where})",
        f"  calls          {found.calls:>14,}",
        f"  prompt tokens  {found.prompt_tokens:>14,}",
        f"  answer tokens  {found.answer_tokens:>14,}",
        f"  cost           {cost:>14}   ({each} a trajectory)",
    ]
    if found.cost is None:
        lines.append("the price is unknown: state it as teacher.options.prices")
    if found.budget is not None and found.cost is not None and found.cost > found.budget:
        lines.append(f"the budget of ${found.budget:,.2f} would stop this run on the way")
    lines.append("answers are guessed at; questions asked again for lost steps come on top")
    return "\n".join(lines)
