"""One page for the options of everything registered: environments, sources, teachers, …"""

from __future__ import annotations

from models import table
from words import prose

from leap_core.plugins.manager import discover
from leap_core.plugins.registry import Entry

KEYS = {
    "environment": "environment",
    "privileged source": "privileged",
    "teacher": "teacher",
    "updater": "updater",
}
ENGINE = "policy engine"


def pages() -> dict[str, str]:
    """ "environment-alfworld" and the like -> its page."""
    plugins = discover()
    package = {info.name: info.package for info in plugins.infos}
    return {
        f"{entry.kind.replace(' ', '-')}-{entry.name}": _page(entry, package[entry.plugin])
        for entry in plugins.registry.entries()
        if entry.kind in (*KEYS, ENGINE)
    }


def _page(entry: Entry, package: str) -> str:
    model = entry.load().Options
    empty = not model.model_fields
    return "\n\n".join(
        [
            f"# {entry.kind.capitalize()} {entry.name}",
            f"{entry.summary.rstrip('.')}. From the package `{package}`.",
            f"```yaml\n{_example(entry)}\n```",
            "## Options",
            prose(model) if model.__doc__ else "",
            "None." if empty else table(model),
        ]
    )


def _example(entry: Entry) -> str:
    """Return how a configuration names it."""
    if entry.kind == ENGINE:
        return f"student:\n  model: {entry.name}:MODEL\n  options: {{}}"
    return f"{KEYS[entry.kind]}:\n  name: {entry.name}\n  options: {{}}"
