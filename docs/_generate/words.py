"""What pages are made of: docstrings taken apart, and values that stand in a table."""

from __future__ import annotations

import inspect
import re
from typing import Any

_SECTION = re.compile(r"^(?:Attributes|Class attributes|Args|Raises|Returns):$", re.M)
_FIELD = re.compile(r"    (\w+): (.*(?:\n {8,}.*)*)")


def cell(text: str) -> str:
    """Text that can stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(value: Any) -> str:
    """The docstring of a class or function without its sections (Attributes, Raises …)."""
    return prose_in(_doc(value))


def prose_in(text: str) -> str:
    """A docstring without its sections."""
    return _SECTION.split(text)[0].strip()


def attributes(value: Any) -> dict[str, str]:
    """What the "Attributes:" section of a docstring says about each one."""
    return attributes_in(_doc(value))


def attributes_in(text: str) -> dict[str, str]:
    """The same, of a docstring."""
    parts = re.split(r"^(?:Class a|A)ttributes:\n", text, flags=re.M)
    if len(parts) < 2:
        return {}
    section = re.split(r"^\S", parts[1], flags=re.M)[0]
    return {name: " ".join(text.split()) for name, text in _FIELD.findall(section)}


def signature(name: str, function: Any) -> str:
    """`name(arguments) -> result`, as written in the code."""
    found = inspect.signature(function)
    own = [p for p in found.parameters.values() if p.name != "self"]
    text = f"{name}{found.replace(parameters=own)}".replace("'", "")
    return f"async {text}" if inspect.iscoroutinefunction(function) else text


def _doc(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "")
