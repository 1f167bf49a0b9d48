"""`leap webshop data`: fetch the official files, when asked to."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core import fetch_all
from leap_webshop.download import FULL, SMALL
from leap_webshop.options import DATA_VARIABLE


@click.command("data")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--full", is_flag=True, help="All 1,181,430 products (5.7 GB), not the first 1,000.")
@click.option("--yes", is_flag=True, help="Do not ask before downloading.")
def command(out: Path, full: bool, yes: bool) -> None:
    """Download WebShop's official data (MIT licence) to OUT.

    Products, their attributes and people's instructions: 10 MB, or 5.7 GB with --full. A broken
    download goes on where it stopped, and the checksum of each file is verified.
    """
    fetch_all(FULL if full else SMALL, out, ask=not yes)
    if full:
        click.echo(f"now compile it: leap webshop compile {out} STORE")
    else:
        click.echo(f"now set {DATA_VARIABLE}={out} (or the option data_dir), catalogue: official")
