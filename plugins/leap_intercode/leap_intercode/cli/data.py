"""`leap intercode data`: fetch the official files, and make a root folder to run them in."""

from __future__ import annotations

from pathlib import Path

import click

from leap_core import fetch_all
from leap_intercode.agreement import EXPECTED
from leap_intercode.download import FILES
from leap_intercode.official import DATA_VARIABLE
from leap_intercode.rootfs import build_rootfs, cannot_build

ROOTFS = "rootfs"
"""The root folder's name in the data folder."""


@click.command("data")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask before downloading.")
@click.option(
    "--rootfs/--no-rootfs",
    "wanted",
    default=None,
    help="Also make OUT/rootfs, a small Debian for the backend 'rootfs' (200 MB to download, half "
    "a GB on disk, as root). Without either: where debootstrap can run, after asking.",
)
def command(out: Path, yes: bool, wanted: bool | None) -> None:
    """Download the official InterCode tasks and databases (MIT licence) to OUT.

    From the project's own repository, at a pinned commit; the checksum of each file is verified
    before it is written. Says in the end how far scores will agree with upstream's, by backend.
    """
    fetch_all(FILES, out, ask=not yes)
    _make_root_folder(out / ROOTFS, yes, wanted)
    click.echo(f"now set {DATA_VARIABLE}={out} (or the option data_dir), and tasks: official")
    click.echo("agreement with upstream's recordings, by backend:")
    for name, expected in EXPECTED.items():
        click.echo(f"  {name}: {expected.text()}")


def _make_root_folder(folder: Path, yes: bool, wanted: bool | None) -> None:
    if wanted is False:
        return
    if folder.is_dir() and any(folder.iterdir()):
        click.echo(f"'{folder}' is there already: use it with backend: rootfs and rootfs: {folder}")
        return
    why = cannot_build()
    if why is not None and not wanted:
        click.echo(f"no root folder is made: {why}")
        return
    ask = f"Download about 200 MB of Debian packages and make a root folder in {folder}?"
    if why is None and not (wanted or yes) and not click.confirm(ask):
        return
    build_rootfs(folder)
    click.echo(f"use it with backend: rootfs and rootfs: {folder}")
