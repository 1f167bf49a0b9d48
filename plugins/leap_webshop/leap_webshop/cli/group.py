"""`leap webshop`: tools for the store."""

from __future__ import annotations

import click

from leap_webshop.cli.compile import command as compile_command
from leap_webshop.cli.data import command as data
from leap_webshop.cli.play import command as play


@click.group("webshop")
def command() -> None:
    """Tools for WebShop: compile a catalogue, visit the store, fetch the official data."""


for _subcommand in (compile_command, data, play):
    command.add_command(_subcommand)
