"""`leap intercode`: what works here, an episode by hand, official files, replays."""

from __future__ import annotations

import click

from leap_intercode.cli.data import command as data
from leap_intercode.cli.doctor import command as doctor
from leap_intercode.cli.image import command as image
from leap_intercode.cli.query import command as query
from leap_intercode.cli.replay import command as replay
from leap_intercode.cli.rootfs import command as rootfs
from leap_intercode.cli.shell import command as shell


@click.group("intercode")
def command() -> None:
    """InterCode: what works here, an episode by hand, the official files."""


for _subcommand in (data, doctor, image, query, replay, rootfs, shell):
    command.add_command(_subcommand)
