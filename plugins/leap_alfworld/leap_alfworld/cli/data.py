"""`leap alfworld data`: fetch the official games, when asked to."""

from __future__ import annotations

from pathlib import Path

import click

from leap_alfworld.download import ANNOTATIONS, GAMES, unpack
from leap_alfworld.official import DATA_VARIABLE, SPLIT_SIZES, game_files
from leap_core import fetch_all


@click.command("data")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--annotations", is_flag=True, help="Also people's instructions (72 MB more).")
@click.option("--yes", is_flag=True, help="Do not ask before downloading.")
def command(out: Path, annotations: bool, yes: bool) -> None:
    """Download the official ALFWorld games (MIT licence) to OUT and unpack them.

    From the project's own releases, 37 MB; a broken download goes on where it stopped, and the
    checksum of each archive is verified before anything is unpacked.
    """
    archives = (GAMES, ANNOTATIONS) if annotations else (GAMES,)
    for path in fetch_all(archives, out, ask=not yes):
        unpack(path, out)
        path.unlink()
    for split, expected in SPLIT_SIZES.items():
        count = len(game_files(out / "json_2.1.1" / split))
        if count:
            click.echo(f"{split}: {count} game files ({expected} of them solvable officially)")
    click.echo(f"now set {DATA_VARIABLE}={out} (or the option data_dir), and games: official")
