"""Kind and name -> lazy factory. Nothing is imported until a run names it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from leap_core.errors import ConfigError, LeapError, PluginError, unknown

Kind = Literal["environment", "privileged source", "teacher", "updater", "policy engine", "command"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered name: where its factory is, what it is, and whose it is."""

    kind: Kind
    name: str
    factory: str
    summary: str
    plugin: str

    def load(self) -> Any:
        """Import the factory.

        Raises:
            PluginError: it cannot be imported, naming the plugin and the cause.
        """
        module_name, _, attribute = self.factory.partition(":")
        try:
            return getattr(importlib.import_module(module_name), attribute)
        except LeapError:
            raise
        except Exception as error:
            raise PluginError(
                f"{self.kind} '{self.name}' of plugin '{self.plugin}' cannot be loaded from "
                f"'{self.factory}': {type(error).__name__}: {error}"
            ) from error


class Registry:
    """All names that the loaded plugins registered."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Kind, str], Entry] = {}

    def add(self, entry: Entry) -> None:
        """Add an entry.

        Raises:
            PluginError: the name is taken, or the factory is not written "package.module:Class".
        """
        module_name, colon, attribute = entry.factory.partition(":")
        if not (module_name and colon and attribute):
            raise PluginError(
                f"factory '{entry.factory}' of {entry.kind} '{entry.name}' is not written "
                "'package.module:Class'"
            )
        holder = self._entries.get((entry.kind, entry.name))
        if holder is not None:
            raise PluginError(
                f"{entry.kind} '{entry.name}' is already registered by '{holder.plugin}'"
            )
        self._entries[entry.kind, entry.name] = entry

    def names(self, kind: Kind) -> list[str]:
        return sorted(name for k, name in self._entries if k == kind)

    def entries(self, kind: Kind | None = None) -> list[Entry]:
        return [e for e in self._entries.values() if kind is None or e.kind == kind]

    def get(self, kind: Kind, name: str) -> Entry:
        """Return the entry.

        Raises:
            ConfigError: unknown name, with the nearest known one and all that are installed.
        """
        try:
            return self._entries[kind, name]
        except KeyError:
            raise ConfigError(unknown(kind, name, self.names(kind))) from None


def build_options(factory: Any, options: Mapping[str, Any], where: str) -> Any:
    """Validate `options` with the factory's `Options` model.

    Raises:
        ConfigError: a key is unknown or a value has the wrong type; says which and where.
    """
    from leap_core.config.load import validated

    return validated(factory.Options, options, where)
