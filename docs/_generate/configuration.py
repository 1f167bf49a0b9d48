"""One page for every section of a run's configuration."""

from __future__ import annotations

from typing import Any

from models import table
from pydantic import BaseModel
from words import prose

from leap_core.config.load import to_yaml
from leap_core.config.schema import RunConfig

KINDS = {
    "environment": "environment",
    "privileged": "privileged-source",
    "teacher": "teacher",
    "updater": "updater",
    "first_updater": "updater",
}


def pages() -> dict[str, str]:
    """Dotted key of a section ("index" for the whole) -> its page."""
    pages = {"index": _page("The whole configuration", RunConfig, "")}
    for name, field in RunConfig.model_fields.items():
        for key, model in _sections(name, field.annotation).items():
            pages[key] = _page(f"`{key}:`", model, key)
    return pages


def _sections(key: str, annotation: Any) -> dict[str, type[BaseModel]]:
    """The section at `key`, and those inside it."""
    for one in getattr(annotation, "__args__", (annotation,)):
        one = getattr(one, "__origin__", one)  # what is annotated, of Annotated
        if isinstance(one, type) and issubclass(one, BaseModel):
            found = {key: one}
            for name, field in one.model_fields.items():
                found |= _sections(f"{key}.{name}", field.annotation)
            return found
    return {}


def _page(title: str, model: type[BaseModel], key: str) -> str:
    parts = [f"# {title}", prose(model), table(model)]
    if not any(field.is_required() for field in model.model_fields.values()):
        lines = to_yaml(model()).splitlines()
        for depth, name in reversed(list(enumerate(key.split(".")))):
            lines = ["  " * depth + f"{name}:", *lines] if depth else [f"{name}:", *lines]
        indent = "  " * len(key.split("."))
        names = len(key.split("."))
        shown = lines[:names] + [indent + line for line in lines[names:]]
        parts.append("With its defaults written out:\n\n```yaml\n" + "\n".join(shown) + "\n```")
    if key in KINDS:
        parts.append(
            f"`options` depends on the part that `name` chooses: see the pages "
            f"*{KINDS[key].replace('-', ' ')}* under [Options of parts](../index.md)."
        )
    if not key:
        sections = [n for n, f in RunConfig.model_fields.items() if _sections(n, f.annotation)]
        links = ", ".join(f"[`{name}`]({name}.md)" for name in sections)
        parts.append(f"Sections: {links}.")
    return "\n\n".join(parts) + "\n"
