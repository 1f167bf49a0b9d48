"""Finds plugins in the metadata of installed packages, whatever state that metadata is in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any

from leap_core.errors import PluginError
from leap_core.hookspecs import ENTRY_POINT_GROUP


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plugin comes from; `load` imports it and returns the plugin object."""

    name: str
    package: str
    version: str
    load: Callable[[], Any]


def entry_point_sources() -> Iterator[Source]:
    """Yield a source for every entry point of group `leap`; nothing is imported yet."""
    try:
        points = metadata.entry_points(group=ENTRY_POINT_GROUP)
    except Exception:  # some package, perhaps no plugin at all, has unreadable metadata
        yield from _each_package_alone()
    else:
        yield from (_source(point, point.dist) for point in points)


def _each_package_alone() -> Iterator[Source]:
    for distribution in metadata.distributions():
        try:
            for point in distribution.entry_points:
                if point.group == ENTRY_POINT_GROUP:
                    yield _source(point, distribution)
        except Exception as error:
            yield from _unreadable(distribution, error)


def _source(point: metadata.EntryPoint, distribution: metadata.Distribution | None) -> Source:
    package, version = _identity(distribution)
    return Source(point.name, package, version, functools.partial(_load_entry_point, point))


def _unreadable(distribution: metadata.Distribution, error: Exception) -> Iterator[Source]:
    """Yield sources that fail: the plugins of a package whose entry points cannot be read."""

    def fail() -> Any:
        raise PluginError(f"its entry points cannot be read: {one_line(error)}")

    package, version = _identity(distribution)
    try:
        text = distribution.read_text("entry_points.txt") or ""
    except Exception:
        names = [package] if package.startswith("leap-") else []
    else:
        names = _declared(text) or [package] if f"[{ENTRY_POINT_GROUP}]" in text else []
    for name in names:
        yield Source(name, package, version, fail)


def _declared(text: str) -> list[str]:
    """Names of our group in an entry_points.txt; none where it cannot be parsed."""
    declared = ConfigParser(delimiters=("=",), interpolation=None)
    try:
        declared.read_string(text)
        return list(declared[ENTRY_POINT_GROUP])
    except (ConfigParserError, KeyError):
        return []


def _identity(distribution: metadata.Distribution | None) -> tuple[str, str]:
    try:
        assert distribution is not None
        return distribution.metadata["Name"] or "?", distribution.version or "?"
    except Exception:
        return "?", "?"


def _load_entry_point(point: metadata.EntryPoint) -> Any:
    try:
        module_name, attribute = point.module, point.attr
    except AttributeError:
        raise PluginError(f"entry point '{point.value}' is not written 'package.module'") from None
    try:
        plugin = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise PluginError(
                f"entry point '{point.value}' leads nowhere: no module '{error.name}'"
            ) from error
        raise
    try:
        return functools.reduce(getattr, filter(None, (attribute or "").split(".")), plugin)
    except AttributeError as error:
        raise PluginError(f"entry point '{point.value}' leads nowhere: {error}") from error


def one_line(error: BaseException) -> str:
    """Return the error in one line, its type first."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
