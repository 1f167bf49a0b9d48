"""`leap alfworld`: tools for the games."""

from __future__ import annotations

import click

from leap_alfworld.cli.data import command as data
from leap_alfworld.cli.generate import command as generate
from leap_alfworld.cli.verify import command as verify


@click.group("alfworld")
def command() -> None:
    """Tools for ALFWorld's games: generate some, fetch the official ones, check the engine."""


for _subcommand in (data, generate, verify):
    command.add_command(_subcommand)
