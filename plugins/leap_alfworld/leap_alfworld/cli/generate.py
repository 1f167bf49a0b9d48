"""`leap alfworld generate`: write generated games as files that any ALFWorld tool plays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from leap_alfworld.engine import World
from leap_alfworld.generator import SPLITS, Generator
from leap_alfworld.homes import SIZES, Homes, Size, rooms
from leap_alfworld.model import TASK_TYPES, compile_game
from leap_alfworld.planner import plan
from leap_alfworld.writer import folder_name, save_game
from leap_core import ConfigError


@click.command("generate")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--games", type=click.IntRange(min=1), default=100, show_default=True, help="In each split."
)
@click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Which splits.")
@click.option("--size", type=click.Choice(SIZES), default="full", show_default=True)
@click.option(
    "--homes",
    type=click.Choice(["usual", "drawn"]),
    default="usual",
    show_default=True,
    help="Where things are: as usual, or drawn by the seed.",
)
@click.option("--wording", type=click.Choice(["move", "put"]), default="move", show_default=True)
@click.option("--task-type", "task_types", multiple=True, type=click.Choice(TASK_TYPES))
@click.option("--seed", default=0, show_default=True, help="Another seed is another world.")
def command(
    out: Path,
    games: int,
    splits: tuple[str, ...],
    size: Size,
    homes: Homes,
    wording: str,
    task_types: tuple[str, ...],
    seed: int,
) -> None:
    """Write seeded games to OUT/json_2.1.1/SPLIT/…, laid out as the official ones are.

    Each file is a game.tw-pddl with the planner's walkthrough in it. Without --split: train,
    valid_seen and valid_unseen.
    """
    release = out / "json_2.1.1"
    if release.exists() and any(release.iterdir()):
        raise ConfigError(f"'{release}' exists and is not empty; choose another folder")
    made = frozenset().union(*(room.tasks for room in rooms(size)))
    if not made.issuperset(task_types):
        missing = ", ".join(t for t in task_types if t not in made)
        raise ConfigError(f"games of the size '{size}' have no {missing}; leave it out")
    generator = Generator(
        size, "put" if wording == "put" else "move", task_types or TASK_TYPES, seed, homes
    )
    for split in splits or SPLITS[:3]:
        for index in range(games):
            problem = generator.problem(split, index)
            walkthrough = plan(World(compile_game(problem))) or []
            problem = replace(problem, walkthrough=tuple(walkthrough))
            save_game(problem, release / split / folder_name(problem) / f"trial_{index:06d}")
        click.echo(f"{release / split}: {games} games")
