"""The public API in words, one line for everything that a plugin may rely on.

`python -m tests.public_api` writes it to `tests/public_api.txt`. A test compares, so that a change
of the API is always a change of that file too, which a reviewer sees.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import leap_core
from leap_core import hookspecs

SNAPSHOT = Path(__file__).with_suffix(".txt")


def public_api() -> str:
    """Every public name with its signature; classes with fields and methods; then the hooks."""
    lines = [f"API_VERSION = {leap_core.API_VERSION}"]
    for name in sorted(set(leap_core.__all__) - {"API_VERSION", "__version__"}):
        lines += ["", *_described(name, getattr(leap_core, name))]
    lines += ["", "# hooks"]
    for name, hook in vars(hookspecs).items():
        if name.startswith("leap_") and inspect.isfunction(hook):
            lines.append(f"{name}{_signature(hook)}")
    return "\n".join(lines) + "\n"


def _described(name: str, value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        yield f"{name}{_signature(value)}" if inspect.isfunction(value) else name
        return
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    yield f"class {name}({bases})" if bases else f"class {name}"
    yield from (f"    {line}" for line in _members(value))


def _members(value: type) -> Iterator[str]:
    fields = {field.name: field for field in _fields(value)}
    annotations = inspect.get_annotations(value)
    for name, annotation in annotations.items():
        if not name.startswith("_"):
            yield f"{name}: {annotation}{_default(value, name, fields)}"
    by_hand = not fields and not getattr(value, "_is_protocol", False)
    shown = {"__call__", "__init__"} if by_hand else {"__call__"}
    for name, member in vars(value).items():
        if name in annotations or (name.startswith("_") and name not in shown):
            continue
        if isinstance(member, property):
            yield f"{name}: {inspect.get_annotations(member.fget)['return']} (property)"
        elif inspect.isfunction(member):
            abstract = " (abstract)" if getattr(member, "__isabstractmethod__", False) else ""
            word = "async " if inspect.iscoroutinefunction(member) else ""
            yield f"{word}{name}{_signature(member)}{abstract}"
        elif isinstance(member, (int, str)):
            yield f"{name} = {member!r}"


def _fields(value: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()


def _default(value: type, name: str, fields: dict[str, dataclasses.Field[Any]]) -> str:
    field = fields.get(name)
    if field is None:
        return f" = {vars(value)[name]!r}" if name in vars(value) else ""
    if field.default is not dataclasses.MISSING:
        default = field.default
        return f" = {getattr(default, '__name__', None) or repr(default)}"
    return " = …" if field.default_factory is not dataclasses.MISSING else ""


class _AsWritten(str):
    """An annotation that is shown without quotes."""

    __repr__ = str.__str__


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=_AsWritten(p.annotation)) if isinstance(p.annotation, str) else p
        for p in signature.parameters.values()
    ]
    returns = signature.return_annotation
    if isinstance(returns, str):
        returns = _AsWritten(returns)
    return str(signature.replace(parameters=parameters, return_annotation=returns))


if __name__ == "__main__":
    SNAPSHOT.write_text(public_api(), encoding="utf-8")
