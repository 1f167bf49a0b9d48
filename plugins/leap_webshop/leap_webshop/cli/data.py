"""`leap webshop data`: fetch the official files, when asked to."""

from __future__ import annotations

from pathlib import Path

import click

from leap_webshop.download import FULL, SMALL, fetch
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
    files = FULL if full else SMALL
    for file in files:
        click.echo(f"{file.address()}\n  {file.size:,} bytes, sha256 {file.sha256}")
    if not yes:
        size = sum(file.size for file in files) / 1e6
        click.confirm(f"Download {size:,.0f} MB to {out}?", abort=True)
    for file in files:
        with click.progressbar(length=file.size, label=file.name) as bar:
            fetch(file, out, lambda done, bar=bar: bar.update(done - bar.pos))  # type: ignore[misc]
    if full:
        click.echo(f"now compile it: leap webshop compile {out} STORE")
    else:
        click.echo(f"now set {DATA_VARIABLE}={out} (or the option data_dir), catalogue: official")
