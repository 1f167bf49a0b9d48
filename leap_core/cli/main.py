"""The entry point: finds the command, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from leap_core import __version__
from leap_core.cli.commands import COMMANDS
from leap_core.errors import ConfigError, LeapError, PluginError, unknown

if TYPE_CHECKING:
    from leap_core.plugins.manager import Plugins

INTERRUPTED = 130


@dataclass
class Settings:
    """What the global flags say; every command finds it as `ctx.obj` (`@click.pass_obj`)."""

    debug: bool = False
    quiet: bool = False


class LeapGroup(click.Group):
    """Built-in commands from a table, then those of plugins; none is imported before its call."""

    _found: Plugins | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(dict.fromkeys([*COMMANDS, *self._plugins().registry.names("command")]))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            command = importlib.import_module(COMMANDS[name][0]).command
        elif name in self._plugins().registry.names("command"):
            entry = self._plugins().registry.get("command", name)
            command = entry.load()
            if not isinstance(command, click.Command):
                raise PluginError(
                    f"command '{name}' of plugin '{entry.plugin}' is not a click command: "
                    f"'{entry.factory}' is a {type(command).__name__}"
                )
        else:
            return None
        return _with_global_flags(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            raise ConfigError(unknown("command", name, self.list_commands(ctx)))
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        entries = self._plugins().registry.entries("command")
        rows = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        others = [(e.name, f"{e.summary} [{e.plugin}]") for e in entries if e.name not in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows + sorted(others))

    def _plugins(self) -> Plugins:
        if self._found is None:
            from leap_core.plugins.manager import discover

            self._found = discover()
        return self._found


def _set_flag(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and isinstance(ctx.obj, Settings) and param.name:
        setattr(ctx.obj, param.name, True)
        _configure_logging(ctx.obj)


def _flag(*names: str, text: str) -> click.Parameter:
    return click.Option(
        names, is_flag=True, expose_value=False, is_eager=True, callback=_set_flag, help=text
    )


def _global_flags() -> list[click.Parameter]:
    return [
        _flag("-q", "--quiet", text="Print results and errors only: no progress, no warnings."),
        _flag("--debug", text="Show a traceback when something goes wrong."),
    ]


def _with_global_flags(command: click.Command) -> click.Command:
    """Let `--quiet` and `--debug` follow the command's name as well as precede it."""
    taken = {option for param in command.params for option in param.opts}
    command.params += [flag for flag in _global_flags() if not taken & set(flag.opts)]
    return command


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes warnings of LEAP and its plugins as one line each on standard error."""

    def format(self, record: logging.LogRecord) -> str:
        return f"leap: {record.levelname.lower()}: {' '.join(record.getMessage().split())}"


def _configure_logging(settings: Settings) -> None:
    handler = _Handler()  # a new one each time: it holds the sys.stderr of its making
    handler.setLevel(logging.ERROR if settings.quiet else logging.WARNING)
    root = logging.getLogger()
    root.handlers[:] = [h for h in root.handlers if not isinstance(h, _Handler)] + [handler]


@click.group(cls=LeapGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="leap", message="%(prog)s %(version)s")
def cli() -> None:
    """Train language-model agents by learning from teachers that see privileged state."""


cli.params += _global_flags()


def main(args: Sequence[str] | None = None) -> int:
    """Run `leap` and return the exit code; the console script passes it to `sys.exit`."""
    # Threads of torch that wait by spinning are ten times slower as soon as another process wants
    # the processor. Must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    settings = Settings()
    _configure_logging(settings)
    try:
        result = cli.main(args, prog_name="leap", obj=settings, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "leap"
        return _fail(settings, error, f"{error.format_message()} (see: {path} --help)")
    except click.ClickException as error:
        return _fail(settings, error, error.format_message())
    except (click.Abort, KeyboardInterrupt) as error:
        return _fail(settings, error, "interrupted", INTERRUPTED)
    except LeapError as error:
        return _fail(settings, error, str(error))
    except Exception as error:
        return _fail(settings, error, _unexpected(settings, error), 1)


def _fail(
    settings: Settings, error: BaseException, message: str, exit_code: int | None = None
) -> int:
    if settings.debug:
        traceback.print_exception(error)
    click.echo(f"leap: {' '.join(message.split())}", err=True)
    return getattr(error, "exit_code", 1) if exit_code is None else exit_code


def _unexpected(settings: Settings, error: Exception) -> str:
    """Say that this is a bug, and keep its traceback: a long run cannot be repeated to see it."""
    text = f"unexpected {type(error).__name__}: {error}"
    from leap_core.plugins.build import culprit

    plugin = culprit(error)
    if plugin:
        text = f"{plugin} raised {type(error).__name__}: {error}"
    if settings.debug:
        return text
    import tempfile

    with tempfile.NamedTemporaryFile(
        "w", prefix="leap-error-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    advice = "tell its authors" if plugin else "this is a bug"
    return f"{text} ({advice}; its traceback is in {file.name})"
