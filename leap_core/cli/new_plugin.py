"""`leap new-plugin KIND NAME`: a whole package to start from, its tests green from the start."""

from __future__ import annotations

import re
from pathlib import Path

import click

from leap_core.errors import ConfigError, MissingExtra
from leap_core.plugins.registry import Kind

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

# As written on the command line: kind in the registry, hook, module of the class, summary.
KINDS: dict[str, tuple[Kind, str, str, str]] = {
    "environment": (
        "environment", "leap_register_environments", "environment", "A key in one of three boxes",
    ),
    "teacher": (
        "teacher", "leap_register_teachers", "teacher", "Stops a student from repeating itself",
    ),
    "privileged-source": (
        "privileged source", "leap_register_privileged_sources", "privileged",
        "How a demonstration of the task goes",
    ),
    "updater": (
        "updater", "leap_register_updaters", "updater", "Supervised fine-tuning at its plainest",
    ),
}  # fmt: skip


@click.command("new-plugin")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=Path(),
              help="Folder in which leap-NAME is made (default: this one).")  # fmt: skip
def command(kind: str, name: str, into: Path) -> None:
    """Make the package leap-NAME: a small working example to turn into your own.

    It has typed code, the entry point, tests by the conformance kit, a README, a licence and a CI
    file. `pip install -e leap-NAME && pytest leap-NAME` is green at once.
    """
    name = name.removeprefix("leap-")
    _check_name(KINDS[kind][0], name)
    folder = into / f"leap-{name}"
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"'{folder}' is not empty: choose another name, or --into another folder")
    render(kind, name, folder)
    click.echo(f"{folder} is ready:")
    click.echo(f"  pip install -e {folder} && pytest {folder}")
    click.echo("  leap list-plugins")


def _check_name(kind: Kind, name: str) -> None:
    from leap_core.plugins.manager import load_plugins

    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ConfigError(
            f"'{name}' is no name for a plugin: use lower-case letters, digits and single hyphens, "
            "such as 'my-kitchen'"
        )
    plugins = load_plugins()
    holders = {e.name: e.plugin for e in plugins.registry.entries(kind)}
    taken = {info.name: info.package for info in plugins.infos}
    if name in taken or name in holders:
        holder = taken.get(name) or f"plugin '{holders[name]}'"
        raise ConfigError(f"the name '{name}' is held by {holder}: choose another")


def render(kind: str, name: str, folder: Path) -> None:
    """Write the package to `folder`.

    Raises:
        MissingExtra: the templating tool is not installed.
    """
    try:
        from copier import run_copy
    except ImportError as error:
        raise MissingExtra("leap new-plugin", "copier", "leap-core[plugins]") from error
    for template in ("common", kind):
        run_copy(
            str(TEMPLATES / template), folder, data=_words(kind, name),
            defaults=True, overwrite=True, quiet=True,
        )  # fmt: skip


def _words(kind: str, name: str) -> dict[str, str]:
    from datetime import date

    _, hook, stem, summary = KINDS[kind]
    extra = "[local]" if kind == "updater" else ""
    spoken = kind.replace("-", " ")
    return {
        "kind": spoken,
        "article": "an" if spoken[0] in "aeiou" else "a",
        "name": name,
        "package": f"leap-{name}",
        "module": f"leap_{name.replace('-', '_')}",
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "core": f"leap-core{extra}>=0.1,<0.2",
        "hook": hook,
        "stem": stem,
        "summary": summary,
        "year": str(date.today().year),
    }
