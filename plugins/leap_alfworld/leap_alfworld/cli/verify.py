"""`leap alfworld verify`: walk the native and the real engine in lockstep over game files."""

from __future__ import annotations

import random
from pathlib import Path

import click

from leap_alfworld.errors import GameFileError
from leap_alfworld.official import game_files
from leap_alfworld.parity import Difference, compare
from leap_alfworld.pddl import load_game
from leap_alfworld.real_engine import RealEngine
from leap_core import DataError, LeapError

_COUNT = click.IntRange(min=1)


class Disagreement(LeapError):
    """The engines differ."""

    exit_code = 1


@click.command("verify")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--games", type=_COUNT, default=20, show_default=True, help="How many, by lot.")
@click.option("--steps", type=_COUNT, default=60, show_default=True, help="Steps in each game.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--python",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Python that has the extra leap-alfworld[textworld], if it is not this one.",
)
@click.option("--stock", is_flag=True, help="Real engine without memoised texts: much slower.")
def command(
    folder: Path, games: int, steps: int, seed: int, python: Path | None, stock: bool
) -> None:
    """Random-walk the games in DIR on the native and the real engine, and compare.

    Compared after every command: the observation, the admissible commands (as sets), whether the
    game is won. The first difference is shown with the commands that lead to it.
    """
    files = game_files(folder) if folder.is_dir() else []
    if not files:
        raise DataError(f"no game.tw-pddl under '{folder}'")
    drawn = sorted(random.Random(seed).sample(files, min(games, len(files))))
    compared = walked = 0
    skipped: list[str] = []
    first: Difference | None = None
    with RealEngine(python, stock) as engine:
        versions = engine.versions()
        click.echo(f"native engine against textworld {versions['textworld']}")
        with click.progressbar(drawn, label=f"{len(drawn)} games") as bar:
            for path in bar:
                try:
                    game = load_game(path)
                except GameFileError as error:
                    skipped.append(str(error))
                    continue
                found = compare(game, path.read_text(encoding="utf-8"), engine, steps, seed)
                compared += 1
                walked += found.steps
                if found.difference is not None:
                    first = found.difference
                    break
    for line in skipped:
        click.echo(f"skipped: {line}")
    if first is not None:
        raise Disagreement(_tell(first))
    click.echo(f"{compared} games, {walked} steps: no difference")


def _tell(difference: Difference) -> str:
    commands = "\n".join(f"  > {command}" for command in difference.commands)
    if difference.what == "commands":
        sides = f"only real: {difference.real}\nonly native: {difference.native}"
    else:
        sides = f"real:   {difference.real!r}\nnative: {difference.native!r}"
    return (
        f"the engines differ in {difference.what} of '{difference.game}' after\n{commands}\n{sides}"
    )
