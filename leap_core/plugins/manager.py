"""Finds plugins by entry point and loads each one alone, so that a broken one breaks nothing else.

A plugin is first tried out by itself: imported, checked against `leap_core.hookspecs`, and asked
what it registers. Only when all of that went well does any of it become visible.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Literal

import pluggy

from leap_core import hookspecs
from leap_core.errors import PluginError, unknown
from leap_core.hookspecs import API_VERSION, OLDEST_API_VERSION
from leap_core.plugins.discovery import Source, entry_point_sources, one_line
from leap_core.plugins.registry import Entry, Kind, Registry

DISABLE_VARIABLE = "LEAP_DISABLE_PLUGINS"
STRICT_VARIABLE = "LEAP_STRICT_PLUGINS"
SLOW_SECONDS = 1.0

REGISTRATION_HOOKS: dict[str, Kind] = {
    "leap_register_environments": "environment",
    "leap_register_privileged_sources": "privileged source",
    "leap_register_teachers": "teacher",
    "leap_register_updaters": "updater",
    "leap_register_policy_engines": "policy engine",
    "leap_register_commands": "command",
}
BUILT_IN = {
    "leap-core": "leap_core.updaters.plugin",
    "leap-local": "leap_core.local.plugin",
    "leap-cli": "leap_core.cli.commands",
}

State = Literal["loaded", "failed", "disabled"]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """What `leap list-plugins` says about one plugin.

    Attributes:
        gives: registered names by kind ("environments", "privileged sources", …), and under
            "life-cycle hooks" the ones that it listens to; empty unless `state` is "loaded".
        reason: one line on why it failed or is disabled, or that it is slow to import.
    """

    name: str
    package: str
    version: str
    state: State
    gives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HookFailure:
    """A life-cycle hook of one plugin that raised."""

    plugin: str
    hook: str
    error: BaseException


class Plugins:
    """The plugins of this process: what they registered, their hooks, and how each one fared."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.infos: list[PluginInfo] = []
        self._manager = _new_manager()

    @property
    def hook(self) -> pluggy.HookRelay:
        """The life-cycle hooks. Prefer `notify`, which a failing plugin cannot break."""
        return self._manager.hook

    @property
    def failed(self) -> list[PluginInfo]:
        return [info for info in self.infos if info.state == "failed"]

    def notify(self, hook_name: str, event: Any) -> list[HookFailure]:
        """Call a life-cycle hook of every plugin; one that raises is warned about and skipped."""
        if not hasattr(self.hook, hook_name):
            raise PluginError(f"there is no hook '{hook_name}'")
        failures = []
        held = self._manager.list_name_plugin()
        for name, plugin in held:
            others = [other for _, other in held if other is not plugin]
            call = self._manager.subset_hook_caller(hook_name, remove_plugins=others)
            try:
                call(event=event)
            except (Exception, SystemExit) as error:
                failures.append(HookFailure(name, hook_name, error))
                log.warning(
                    "plugin '%s' failed in %s (the run goes on): %s",
                    name,
                    hook_name,
                    one_line(error),
                )
        return failures

    def _add(self, source: Source) -> None:
        """Load one plugin, or note why it cannot be."""
        start = time.perf_counter()
        try:
            gives = self._register(source)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may call sys.exit, or pytest.skip, on import
            reason = str(error) if isinstance(error, PluginError) else one_line(error)
            self._note(source, "failed", reason=" ".join(reason.split()))
        else:
            seconds = time.perf_counter() - start
            slow = f"importing it takes {seconds:.1f} s, and every `leap` command waits for it"
            self._note(source, "loaded", gives, slow if seconds > SLOW_SECONDS else "")

    def _note(
        self,
        source: Source,
        state: State,
        gives: Mapping[str, tuple[str, ...]] | None = None,
        reason: str = "",
    ) -> None:
        info = PluginInfo(source.name, source.package, source.version, state, gives or {}, reason)
        self.infos.append(info)

    def _register(self, source: Source) -> dict[str, tuple[str, ...]]:
        holder = next((i for i in self.infos if i.name == source.name), None)
        if holder is not None:
            raise PluginError(f"the name '{source.name}' is held by package '{holder.package}'")
        with redirect_stdout(sys.stderr):  # what a plugin prints must not end up in `--json`
            plugin = source.load()
            _check_version(plugin)
            trial = _tried_out(source.name, plugin)
            entries = _registrations(source.name, trial)
        registry = Registry()
        for entry in [*self.registry.entries(), *entries]:
            registry.add(entry)
        self._manager.register(plugin, source.name)
        self.registry = registry
        return _gives(entries, trial)


@functools.cache
def load_plugins() -> Plugins:
    """Return the plugins of this process, loading them at the first call.

    Raises:
        PluginError: a plugin failed and `LEAP_STRICT_PLUGINS` is set.
    """
    plugins = discover()
    if plugins.failed and _is_main_process():
        for info in plugins.failed:
            log.warning("plugin '%s' (%s) is left out: %s", info.name, info.package, info.reason)
    return plugins


def discover() -> Plugins:
    """Load all plugins anew, warning about nothing: `infos` tells how each one fared.

    Raises:
        PluginError: a plugin failed and `LEAP_STRICT_PLUGINS` is set.
    """
    plugins = Plugins()
    disabled = _names_in(DISABLE_VARIABLE)
    for source in _sources():
        if source.name in disabled:
            plugins._note(source, "disabled", reason=f"named in {DISABLE_VARIABLE}")
        else:
            plugins._add(source)
    known = {info.name for info in plugins.infos}
    for name in sorted(disabled - known):
        log.warning("%s: %s", DISABLE_VARIABLE, unknown("plugin", name, known))
    if plugins.failed and _is_set(STRICT_VARIABLE):
        info = plugins.failed[0]
        raise PluginError(
            f"plugin '{info.name}' of package '{info.package}' failed to load: {info.reason} "
            f"({STRICT_VARIABLE} is set, so this is an error)"
        )
    return plugins


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("leap")
    manager.add_hookspecs(hookspecs)
    return manager


def _sources() -> Iterator[Source]:
    from leap_core import __version__

    for name, module in BUILT_IN.items():
        yield Source(name, "leap-core", __version__, functools.partial(import_module, module))
    yield from sorted(entry_point_sources(), key=lambda source: (source.name, source.package))


def _check_version(plugin: Any) -> None:
    version = getattr(plugin, "LEAP_API_VERSION", None)
    if version is None:
        raise PluginError(f"it does not set LEAP_API_VERSION (this leap-core has {API_VERSION})")
    if not isinstance(version, int) or isinstance(version, bool):
        raise PluginError(f"its LEAP_API_VERSION is {version!r}; it must be a whole number")
    if version > API_VERSION:
        raise PluginError(
            f"it needs LEAP_API_VERSION {version}, this leap-core has {API_VERSION}: "
            "upgrade leap-core"
        )
    if version < OLDEST_API_VERSION:
        raise PluginError(
            f"it was built for LEAP_API_VERSION {version}, and this leap-core supports "
            f"{OLDEST_API_VERSION} and later: upgrade the plugin (authors: see docs/migration.md)"
        )


def _tried_out(name: str, plugin: Any) -> pluggy.PluginManager:
    """Return a manager that holds this plugin alone, its hooks checked against the specs."""
    manager = _new_manager()
    known = set(vars(manager.hook))
    try:
        manager.register(plugin, name)
    except pluggy.PluginValidationError as error:
        *_, cause = str(error).strip().splitlines()
        raise PluginError(f"a hook has the wrong signature: {cause}") from error
    for caller in manager.get_hookcallers(plugin) or []:
        if not caller.has_spec():
            close = get_close_matches(caller.name, known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise PluginError(f"unknown hook '{caller.name}'{hint}")
    implemented = {caller.name for caller in manager.get_hookcallers(plugin) or []}
    for hook in sorted(known - implemented):
        if callable(getattr(plugin, hook, None)):
            raise PluginError(f"'{hook}' is not marked with @leap_core.hookimpl")
    return manager


def _registrations(plugin: str, trial: pluggy.PluginManager) -> list[Entry]:
    """Call the registration hooks of the one plugin in `trial`."""
    entries: list[Entry] = []
    for hook_name, kind in REGISTRATION_HOOKS.items():

        def register(name: str, factory: str, summary: str, kind: Kind = kind) -> None:
            entries.append(Entry(kind, name, factory, summary, plugin))

        try:
            returned = getattr(trial.hook, hook_name)(register=register)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(f"{hook_name} raised {one_line(error)}") from error
        if returned:
            raise PluginError(
                f"{hook_name} returned a {type(returned[0]).__name__}; "
                "it must call `register` and return nothing"
            )
    for entry in entries:
        if not all(isinstance(v, str) and v for v in (entry.name, entry.factory, entry.summary)):
            raise PluginError(
                f"{entry.kind} {entry.name!r} must be registered with three non-empty strings: "
                "name, factory, summary"
            )
    return entries


def _gives(entries: list[Entry], trial: pluggy.PluginManager) -> dict[str, tuple[str, ...]]:
    gives: dict[str, tuple[str, ...]] = {}
    for kind in REGISTRATION_HOOKS.values():
        names = tuple(sorted(entry.name for entry in entries if entry.kind == kind))
        if names:
            gives[f"{kind}s"] = names
    hooks = set(vars(trial.hook)) - set(REGISTRATION_HOOKS)
    listened = tuple(sorted(h for h in hooks if getattr(trial.hook, h).get_hookimpls()))
    if listened:
        gives["life-cycle hooks"] = listened
    return gives


def _names_in(variable: str) -> set[str]:
    return {name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()}


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in {"", "0", "false", "no", "off"}


def _is_main_process() -> bool:
    """Whether warnings belong here: worker processes would only repeat them."""
    import multiprocessing

    return multiprocessing.parent_process() is None
