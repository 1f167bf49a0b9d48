"""One page for every command of `leap`, those of plugins included."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
from words import cell

from leap_core.cli.commands import COMMANDS
from leap_core.cli.main import cli
from leap_core.plugins.manager import discover

EVERYWHERE = {"quiet", "debug", "help"}


def pages() -> dict[str, str]:
    """Name of a command -> its page; a group's page has a section for each command in it."""
    summaries = {entry.name: entry.summary for entry in discover().registry.entries("command")}
    return {name: page(name, summary) for name, summary in summaries.items()}


def page(name: str, summary: str) -> str:
    """The page of `leap NAME`."""
    context = click.Context(cli, info_name="leap")
    command = cli.get_command(context, name)
    assert command is not None
    parts = [f"# leap {name}", summary, *_described(command, context, name)]
    if name in COMMANDS:
        parts.append(
            f"What it is for, and what it writes: [the `leap` command](../../cli.md#leap-{name})."
        )
    parts.append(
        "Every command also takes `--quiet`, `--debug` and `--help`, and ends with the "
        "[exit codes](../../cli.md) that all commands share."
    )
    return "\n\n".join(parts) + "\n"


def _described(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=name)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```\n{usage}\n```"
    if command.help:
        yield inspect.cleandoc(command.help).replace("\b\n", "")
    rows = [_row(param) for param in command.params if param.name not in EVERYWHERE]
    if rows:
        yield "\n".join(["| argument or option | default | |", "|---|---|---|", *rows])
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield f"## {context.command_path} {inner}"
            yield from _described(found, context, inner)


def _row(param: click.Parameter) -> str:
    if isinstance(param, click.Option):
        flags = [*param.opts, *param.secondary_opts]
        value = "" if param.is_flag else f" {param.make_metavar(click.Context(cli))}"
        names = ", ".join(f"`{flag}{value}`" for flag in flags)
        about = param.help or ""
    else:
        names, about = f"`{param.make_metavar(click.Context(cli))}`", ""
    notes = [about]
    several = param.multiple if isinstance(param, click.Option) else param.nargs == -1
    if several and "repeated" not in about:
        notes.append("May be repeated.")
    if param.required and isinstance(param, click.Option):
        notes.append("Required.")
    default = "" if _is_empty(param) else f"`{param.default}`"
    return f"| {cell(names)} | {cell(default)} | {cell(' '.join(filter(None, notes)))} |"


def _is_empty(param: click.Parameter) -> bool:
    default = param.default
    unset = default is None or default is False or default == ()
    return unset or callable(default) or "Sentinel" in type(default).__name__
