"""`leap intercode data`: fetch the official files, when asked to."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core import fetch_all
from leap_intercode.download import FILES
from leap_intercode.official import DATA_VARIABLE


@click.command("data")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask before downloading.")
def command(out: Path, yes: bool) -> None:
    """Download the official InterCode tasks and databases (MIT licence) to OUT.

    From the project's own repository, at a pinned commit; the checksum of each file is verified
    before it is written.
    """
    fetch_all(FILES, out, ask=not yes)
    click.echo(f"now set {DATA_VARIABLE}={out} (or the option data_dir), and tasks: official")
