"""`leap data ENVIRONMENT`: fetch an environment's official data, if its plugin knows how."""

from __future__ import annotations

import click

from leap_core.errors import ConfigError, unknown


class DataGroup(click.Group):
    """Finds the `data` command of each plugin's own group: `leap data X` is `leap X data`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from leap_core.plugins.manager import discover

        entries = discover().registry.entries("command")
        return sorted(e.name for e in entries if e.plugin != "leap-cli" and _data(e.load()))

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        from leap_core.plugins.manager import discover

        registry = discover().registry
        if name in registry.names("command"):
            command = _data(registry.get("command", name).load())
            if command is not None:
                return command
        raise ConfigError(unknown("environment with data to fetch", name, self.list_commands(ctx)))


def _data(command: object) -> click.Command | None:
    return command.commands.get("data") if isinstance(command, click.Group) else None


@click.group(cls=DataGroup)
def command() -> None:
    """Fetch official data, with pinned addresses and checksums."""
