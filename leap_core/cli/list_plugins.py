"""`leap list-plugins`: what is installed, what it gives, and why something is left out."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leap_core.plugins.manager import PluginInfo

STYLES = {"loaded": "green", "failed": "red", "disabled": "yellow"}


@click.command("list-plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per plugin.")
@click.option("--check", is_flag=True, help="Import everything that is registered, and check it.")
def command(as_json: bool, check: bool) -> int:
    """List plugins: package, version, what each gives, its state and the reason.

    LEAP_DISABLE_PLUGINS=a,b leaves plugins out. LEAP_STRICT_PLUGINS=1 makes a plugin that fails to
    load an error. With --check, a plugin that registers something that cannot be imported, or that
    breaks the contract of its kind, is shown as failed, and the exit code is 1.
    """
    from leap_core.plugins.manager import load_plugins

    infos = load_plugins().infos
    if check:
        infos = [_checked(info) for info in infos]
    if as_json:
        click.echo(json.dumps([asdict(info) for info in infos], indent=2, ensure_ascii=False))
    else:
        _print_table(infos)
    return int(check and any(info.state == "failed" for info in infos))


def _checked(info: PluginInfo) -> PluginInfo:
    """Return the plugin's line after importing all that it registers."""
    from leap_core.errors import LeapError
    from leap_core.plugins.build import CONTRACTS, contract_problem
    from leap_core.plugins.manager import load_plugins

    problems = []
    for entry in load_plugins().registry.entries():
        if entry.plugin != info.name:
            continue
        try:
            factory = entry.load()
        except LeapError as error:
            problems.append(str(error))
            continue
        problem = contract_problem(entry.kind, factory) if entry.kind in CONTRACTS else ""
        if problem:
            problems.append(f"{entry.kind} '{entry.name}': '{entry.factory}' {problem}")
    return replace(info, state="failed", reason="\n".join(problems)) if problems else info


def _print_table(infos: list[PluginInfo]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("plugin")
    table.add_column("package")
    table.add_column("state")
    table.add_column("reason, and what it gives", overflow="fold")
    for info in infos:
        gives = "\n".join(f"{kind}: {', '.join(names)}" for kind, names in info.gives.items())
        package = f"{info.package} {info.version}"
        state = Text(info.state, STYLES[info.state])
        about = Text("\n".join(filter(None, [info.reason, gives])) or "nothing yet")
        table.add_row(Text(info.name), Text(package), state, about)
    console = Console()
    if not console.is_terminal:  # nothing is cut off, or wrapped, for programs that read it
        console.width = 10_000
    console.print(table)
