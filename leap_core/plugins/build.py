"""Build the component that a configuration names, of whatever kind, and check its contract.

Whatever goes wrong inside a plugin's code here is told as an error that names the plugin, its
distribution and its version.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_args

from leap_core.config.option_types import resumable_fields
from leap_core.config.schema import ComponentConfig
from leap_core.contracts.engine import Engine
from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.contracts.teacher import Teacher
from leap_core.contracts.updater import Updater
from leap_core.errors import LeapError, PluginError
from leap_core.plugins.discovery import one_line
from leap_core.plugins.manager import load_plugins
from leap_core.plugins.registry import Entry, Kind, build_options

CONTRACTS: dict[Kind, type] = {
    "environment": Environment,
    "privileged source": PrivilegedSource,
    "teacher": Teacher,
    "updater": Updater,
    "policy engine": Engine,
}
_COROUTINES = {"teacher": ("correct", "explain", "describe", "aclose")}


def build(kind: Kind, choice: ComponentConfig, where: str, *more: Any) -> Any:
    """Build what `choice` names, with `more` after its options.

    Raises:
        ConfigError: an unknown name, or options that do not fit; `where` is the key that it is at.
        PluginError: the plugin breaks the contract, or its code raised.
    """
    entry = load_plugins().registry.get(kind, choice.name)
    made = factory_of(kind, choice.name)
    options = build_options(made, choice.options, f"{where} '{choice.name}', options")
    try:
        return made(options, *more)
    except LeapError:
        raise
    except Exception as error:
        raise PluginError(f"{described(entry)} cannot be built: {one_line(error)}") from error


def factory_of(kind: Kind, name: str) -> Any:
    """Return the class that a plugin registered, checked against the contract of its kind.

    Raises:
        ConfigError: nothing of the kind has that name.
        PluginError: it cannot be imported, or breaks the contract.
    """
    entry = load_plugins().registry.get(kind, name)
    factory = entry.load()
    problem = contract_problem(kind, factory)
    if problem:
        raise PluginError(f"{described(entry)}: '{entry.factory}' {problem}")
    return factory


def resumable_options(kind: Any, name: str) -> frozenset[str]:
    """Return the options of a component that may change when a run is resumed.

    Raises:
        ConfigError, PluginError: as `factory_of`.
    """
    return resumable_fields(factory_of(kind, name).Options)


def policy_engine(name: str) -> type[Engine]:
    """Return the engine class registered as `name`, checked."""
    engine: type[Engine] = factory_of("policy engine", name)
    return engine


def contract_problem(kind: Kind, factory: Any) -> str:
    """Return how a factory breaks the contract of its kind, in words; "" if it does not."""
    contract = CONTRACTS[kind]
    if not (isinstance(factory, type) and issubclass(factory, contract)):
        return f"is no subclass of leap_core.{contract.__name__}"
    if not hasattr(factory, "Options"):
        return "has no `Options`, a model of its options (leap_core.Section)"
    missing = sorted(getattr(factory, "__abstractmethods__", ()))
    if missing:
        return f"does not implement {', '.join(missing)}"
    for method in _COROUTINES.get(kind, ()):
        if not inspect.iscoroutinefunction(getattr(factory, method)):
            return f"must define `{method}` with `async def`"
    return ""


def described(entry: Entry) -> str:
    """Return kind, name, plugin, distribution and version of a registered entry."""
    return f"{entry.kind} '{entry.name}' of {plugin_described(entry.plugin)}"


def plugin_described(name: str) -> str:
    """Return a plugin's name with its distribution and version."""
    for info in load_plugins().infos:
        if info.name == name:
            return f"plugin '{name}' ({info.package} {info.version})"
    return f"plugin '{name}'"


def culprit(error: BaseException) -> str | None:
    """Return the plugin whose code raised `error`, described; None if it was LEAP or a library.

    The innermost frame that belongs to LEAP or to a plugin decides.
    """
    plugins = _plugin_packages()
    trace, found = error.__traceback__, None
    while trace is not None:
        package = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in plugins:
            found = plugins[package]
        elif package == "leap_core":
            found = None
        trace = trace.tb_next
    return plugin_described(found) if found else None


def _plugin_packages() -> Mapping[str, str]:
    """Return plugin names by the top-level package of their factories."""
    entries = load_plugins().registry.entries()
    found = {e.factory.partition(":")[0].partition(".")[0]: e.plugin for e in entries}
    found.pop("leap_core", None)
    return found


assert set(CONTRACTS) | {"command"} == set(get_args(Kind))
