"""`leap intercode rootfs`: make a root folder for the backend `rootfs`."""

from __future__ import annotations

from pathlib import Path

import click

from leap_intercode.rootfs import SUITE, build_rootfs


@click.command("rootfs")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--suite", default=SUITE, show_default=True, help="Debian release.")
@click.option("--mirror", help="Where packages come from (default: where apt here takes its own).")
@click.option("--yes", is_flag=True, help="Do not ask before downloading.")
def command(folder: Path, suite: str, mirror: str | None, yes: bool) -> None:
    """Make a small Debian with upstream's programs in FOLDER, by debootstrap (as root, 0.5 GB)."""
    if not yes:
        click.confirm(
            f"Download about 200 MB of Debian packages and unpack to {folder}?", abort=True
        )
    build_rootfs(folder, suite, mirror)
    click.echo(f"use it with backend: rootfs and rootfs: {folder}")
