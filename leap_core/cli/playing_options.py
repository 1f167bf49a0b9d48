"""What `leap evaluate` and `leap rollout` share: which policy plays which tasks, and how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_OPTIONS = (
    click.argument("run", required=False, type=click.Path(path_type=Path)),
    click.option("--iteration", type=int, help="Iteration of RUN to play (default: the best)."),
    click.option(
        "--policy",
        help="Model folder, hub id, http://HOST/v1[#MODEL], litellm:MODEL or scripted:NAME, "
        "instead of RUN's policy.",
    ),
    click.option("--adapter", help="Folder of an adapter over --policy."),
    click.option("--environment", help="Environment, where no RUN is given."),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a key, such as environment.options.size=full.",
    ),
    click.option("--split", help="Split to play (default: RUN's, or the environment's for tests)."),
    click.option("--limit", type=click.IntRange(min=1), help="Play this many tasks of the split."),
    click.option("--task", "task_ids", multiple=True, help="Play this task. May be repeated."),
    click.option("--seed", type=int, help="Seed of the episodes (default: the run's)."),
    click.option(
        "--seeds",
        type=click.IntRange(min=1),
        default=1,
        help="Play every task with this many seeds, from --seed on.",
    ),
    click.option(
        "--temperature",
        type=click.FloatRange(min=0),
        help="Sampling temperature; 0 is greedy (default: the run's, or 0.3).",
    ),
    click.option("--in-flight", type=click.IntRange(min=1), help="Episodes played at once."),
    click.option(
        "--executor",
        type=click.Choice(["local", "processes", "ray"]),
        help="Where the environments run (default: the run's, or local).",
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Processes, or Ray actors."),
)


def playing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments whose names are the fields of `leap_core.analysis.score.ScoreRequest`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
