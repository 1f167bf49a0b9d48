"""`leap check NAME`: does a plugin's part keep the contract that LEAP relies on?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

import click

from leap_core.cli.main import Settings
from leap_core.plugins.registry import Kind

if TYPE_CHECKING:
    from leap_core.testing.conformance import Choice, Result

KINDS = [kind for kind in get_args(Kind) if kind != "command"]
STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


@dataclass(frozen=True)
class Checked:
    """The results of one part."""

    kind: Kind
    name: str
    results: tuple[Result, ...]

    def count(self, state: str) -> int:
        return sum(result.state == state for result in self.results)


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Check parts of this kind only.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE",
              help="What to check with, in a configuration's words: environment.name=NAME, "
                   "environment.options.KEY=VALUE, teacher.options.KEY=VALUE, tasks=8")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print every result as JSON.")
@click.pass_obj
def command(
    settings: Settings, name: str, kind: Kind | None, overrides: tuple[str, ...], as_json: bool
) -> int:
    """Run the conformance kit on a plugin, or on one part that it registers.

    NAME is a plugin or package, as `leap list-plugins` shows it, or an environment, privileged
    source, teacher or updater. Every rule is explained in docs/conformance.md. The exit code is 1
    if a rule is broken, or if none could be checked.
    """
    from leap_core.config.load import apply_overrides, validated
    from leap_core.testing.conformance import Choice, subjects_named

    data: dict[str, Any] = {}
    apply_overrides(data, overrides)
    choice = validated(Choice, data, "--set")
    done: list[Checked] = []
    for one in subjects_named(name, kind):
        checked = Checked(*one, tuple(_check(*one, choice)))
        done.append(checked)
        if not as_json:
            _print(checked, settings.quiet)
    if as_json:
        click.echo(json.dumps([asdict(checked) for checked in done], ensure_ascii=False))
    else:
        _print_sum(done)
    return 0 if _fine(done) else 1


def _check(kind: Kind, name: str, choice: Choice) -> Iterator[Result]:
    """All rules, or one result that says why the part cannot be checked at all."""
    from leap_core.errors import ConfigError, DataError, MissingExtra, PluginError
    from leap_core.testing.conformance import Result, declared, subject_of

    try:
        subject = subject_of(kind, name, choice)
        subject.part.accepts_options()
    except (ConfigError, DataError, MissingExtra) as error:
        hint = "; say what to check it with by --set" if isinstance(error, ConfigError) else ""
        yield Result("all rules", "skipped", found=f"{error}{hint}")
        return
    except PluginError as error:
        yield Result("can be built", "failed", "a part that can be imported and built", f"{error}")
        return
    for rule in declared(kind):
        yield rule.run(subject)


def _fine(done: Sequence[Checked]) -> bool:
    return not any(c.count("failed") for c in done) and any(c.count("passed") for c in done)


def _print(checked: Checked, quiet: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(f"{checked.kind} '{checked.name}'", "bold"))
    for result in checked.results:
        if quiet and result.state == "passed":
            continue
        line = Text.assemble("  ", (result.state, STYLES[result.state]), f"  {result.check}")
        if result.state == "skipped":
            line.append(f": {result.found}")
        console.print(line, soft_wrap=True)
        if result.state == "failed":
            for what in ("expected", "found"):
                console.print(Text(f"          {what}: {getattr(result, what)}"), soft_wrap=True)
            console.print(Text(f"          see: {result.docs}"), soft_wrap=True)


def _print_sum(done: Sequence[Checked]) -> None:
    counts = {state: sum(c.count(state) for c in done) for state in STYLES}
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()))
