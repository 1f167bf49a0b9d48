"""`leap rollout`: play any policy on any split and keep the trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from leap_core.cli.main import Settings
from leap_core.cli.playing_options import playing_options


@click.command()
@playing_options
@click.option("--out", type=click.Path(path_type=Path), required=True,
              help="File for the trajectories, one JSON object a line.")  # fmt: skip
@click.pass_obj
def command(settings: Settings, /, out: Path, **arguments: Any) -> None:
    """Play a policy and keep what it did.

    RUN is a run folder; without it, --environment and --policy say what to play. Interrupted, the
    same command goes on where it stopped.
    """
    from leap_core.analysis.score import ScoreRequest, score
    from leap_core.cli.evaluate import usage_line

    scored = score(ScoreRequest(out=out, **arguments), "rollouts", quiet=settings.quiet)
    group = scored.evaluation.overall
    click.echo(
        f"{group.tasks} episodes in {out}: {group.succeeded} succeeded, "
        f"{group.tasks - group.succeeded - group.errored} failed, {group.errored} errored"
    )
    if scored.usage is not None:
        click.echo(usage_line(scored.usage))
