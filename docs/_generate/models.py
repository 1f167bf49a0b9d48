"""A pydantic model as a table: keys, what values fit, defaults, meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from words import attributes, attributes_in, cell, prose_in

Schema = Mapping[str, Any]

BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "pattern": "of the form `{}`",
}


def table(model: type[BaseModel]) -> str:
    """The keys of a model, then those of the sections that it holds; "None." where it has none."""
    schema = model.model_json_schema()
    parts = [_rows(schema, _all_attributes(model))]
    for name, section in schema.get("$defs", {}).items():
        about = attributes_in(section.get("description", ""))
        parts += [
            f"### Section {name}",
            prose_in(section.get("description", "")),
            _rows(section, about),
        ]
    return "\n\n".join(parts)


def _rows(schema: Schema, about: Mapping[str, str]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        f"| `{name}` | {cell(kind(found))} | {_default(name, found, required)} "
        f"| {cell(found.get('description') or about.get(name, ''))} |"
        for name, found in schema.get("properties", {}).items()
    ]
    return (
        "\n".join(["| key | value | default | |", "|---|---|---|---|", *rows]) if rows else "None."
    )


def kind(schema: Schema) -> str:
    """In words, what a JSON schema lets through."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(one) for one in schema["anyOf"]))
    if "allOf" in schema:
        return " and ".join(kind(one) for one in schema["allOf"])
    if "$ref" in schema:
        return f"section `{schema['$ref'].rpartition('/')[2]}`"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    bounds = [text.format(schema[key]) for key, text in BOUNDS.items() if key in schema]
    return " ".join([_type(schema), ", ".join(bounds)]).strip()


def _type(schema: Schema) -> str:
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(kind(one) for one in schema['prefixItems'])}]"
        case "array":
            return f"list of {kind(schema.get('items', {}))}"
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return f"mapping to {kind(schema['additionalProperties'])}"
        case "object":
            return "mapping"
        case None:
            return "anything"
        case name:
            words = {"null": "`null`", "integer": "whole number", "string": "text"}
            return words.get(name, str(name))


def _default(name: str, schema: Schema, required: set[str]) -> str:
    if name in required:
        return "*required*"
    default = schema.get("default", "…")
    if isinstance(default, dict):
        return "its own" if default else "`{}`"
    return cell(f"`{json.dumps(default, ensure_ascii=False)}`") if default != "…" else "its own"


def _all_attributes(model: type[BaseModel]) -> dict[str, str]:
    """What docstrings say about the keys, those of base classes included."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        found |= attributes(base)
    return found
