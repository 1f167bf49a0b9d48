"""Every hook works as documented, and none is without documentation and a test."""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leap_core import ConfigError, hookimpl, hookspecs
from leap_core.plugins.manager import REGISTRATION_HOOKS, Plugins, discover
from leap_core.plugins.registry import Registry
from tests.conftest import Leap, PluginSite
from tests.support.toy_run import CONFIG, TOY

DOCS = Path(__file__).resolve().parent.parent / "docs" / "hooks.md"
HOOKS = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in vars(hookspecs).items()
    if name.startswith("leap_") and inspect.isfunction(function)
}


def plugins_with(plugin_site: Any, monkeypatch: pytest.MonkeyPatch, body: str) -> Plugins:
    code = f"from leap_core import hookimpl\nLEAP_API_VERSION = 2\n\n@hookimpl\n{body}\n"
    plugin_site.install("kitchen", code)
    monkeypatch.syspath_prepend(plugin_site.path)
    monkeypatch.delitem(sys.modules, "kitchen_plugin", raising=False)
    plugins = discover()
    assert plugins.failed == []
    return plugins


def registered(plugin_site: Any, monkeypatch: pytest.MonkeyPatch, hook: str) -> Registry:
    """The registry, once a plugin has registered "stew" with `hook`."""
    body = f"def {hook}(register): register('stew', 'collections:OrderedDict', 'A stew')"
    return plugins_with(plugin_site, monkeypatch, body).registry


def heard(plugin_site: Any, monkeypatch: pytest.MonkeyPatch, hook: str) -> list[str]:
    """What a plugin that listens to `hook` alone hears when every life-cycle hook is notified."""
    body = f"def {hook}(event): event.heard.append(event.hook)"
    plugins = plugins_with(plugin_site, monkeypatch, body)
    log: list[str] = []
    for name in HOOKS.keys() - REGISTRATION_HOOKS.keys():
        assert plugins.notify(name, SimpleNamespace(heard=log, hook=name)) == []
    return log


def check_registration(plugin_site: Any, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    kind = REGISTRATION_HOOKS[hook]
    registry = registered(plugin_site, monkeypatch, hook)
    entry = registry.get(kind, "stew")
    assert (entry.plugin, entry.summary) == ("kitchen", "A stew")
    assert entry.load().__name__ == "OrderedDict"
    for other in set(REGISTRATION_HOOKS.values()) - {kind}:
        assert "stew" not in registry.names(other)
    with pytest.raises(ConfigError, match=f"unknown {kind} 'stow'; did you mean 'stew'"):
        registry.get(kind, "stow")


def test_leap_register_environments(plugin_site, monkeypatch) -> None:
    check_registration(plugin_site, monkeypatch, "leap_register_environments")


def test_leap_register_privileged_sources(plugin_site, monkeypatch) -> None:
    check_registration(plugin_site, monkeypatch, "leap_register_privileged_sources")


def test_leap_register_teachers(plugin_site, monkeypatch) -> None:
    check_registration(plugin_site, monkeypatch, "leap_register_teachers")


def test_leap_register_updaters(plugin_site, monkeypatch) -> None:
    check_registration(plugin_site, monkeypatch, "leap_register_updaters")


def test_leap_register_policy_engines(plugin_site, monkeypatch) -> None:
    check_registration(plugin_site, monkeypatch, "leap_register_policy_engines")


def test_leap_register_commands(plugin_site, monkeypatch) -> None:
    check_registration(plugin_site, monkeypatch, "leap_register_commands")


def test_leap_before_iteration(plugin_site, monkeypatch) -> None:
    assert heard(plugin_site, monkeypatch, "leap_before_iteration") == ["leap_before_iteration"]


def test_leap_after_rollouts(plugin_site, monkeypatch) -> None:
    assert heard(plugin_site, monkeypatch, "leap_after_rollouts") == ["leap_after_rollouts"]


def test_leap_after_corrections(plugin_site, monkeypatch) -> None:
    assert heard(plugin_site, monkeypatch, "leap_after_corrections") == ["leap_after_corrections"]


def test_leap_after_update(plugin_site, monkeypatch) -> None:
    assert heard(plugin_site, monkeypatch, "leap_after_update") == ["leap_after_update"]


def test_leap_after_iteration(plugin_site, monkeypatch) -> None:
    assert heard(plugin_site, monkeypatch, "leap_after_iteration") == ["leap_after_iteration"]


def test_every_registration_hook_has_a_kind() -> None:
    assert {h for h in HOOKS if h.startswith("leap_register_")} == set(REGISTRATION_HOOKS)


def sections() -> dict[str, str]:
    parts = re.split(r"^## (leap_\w+\([\w, ]*\))$", DOCS.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_hook_is_documented_with_its_signature_and_an_example() -> None:
    documented = sections()
    assert set(documented) == {f"{name}({', '.join(args)})" for name, args in HOOKS.items()}
    for title, text in documented.items():
        assert f"@hookimpl\ndef {title.split('(')[0]}(" in text
        assert len(text.split("```")[0].split()) > 5


@pytest.mark.parametrize("title", sections())
def test_every_documented_example_fits_its_hook(title: str) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", sections()[title], flags=re.S)
    space: dict[str, Any] = {"hookimpl": hookimpl}
    exec("from __future__ import annotations\n" + code, space)
    name = title.split("(")[0]
    assert tuple(inspect.signature(space[name]).parameters) == HOOKS[name]


def test_every_hook_has_a_test() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_leap_")}
    assert tested == set(HOOKS)


LISTENER = """
    from leap_core import hookimpl
    LEAP_API_VERSION = 2

    def heard(hook):
        def listen(event):
            scored = event.evaluation is not None
            with open("heard", "a") as file:
                print(event.iteration, hook, scored, file=file)
            raise OSError("the logger is down")
        listen.__name__ = hook
        return hookimpl(listen)

    for hook in ("before_iteration", "after_rollouts", "after_corrections", "after_update",
                 "after_iteration"):
        globals()[f"leap_{hook}"] = heard(f"leap_{hook}")
"""


def test_a_run_calls_the_life_cycle_hooks_in_order_and_survives_their_failures(
    leap: Leap, plugin_site: PluginSite, tmp_path: Path
) -> None:
    plugin_site.install("toy", TOY)
    plugin_site.install("listener", LISTENER)
    (tmp_path / "cwd" / "toy.yaml").write_text(json.dumps({**CONFIG, "iterations": 1}))
    done = leap("run", "toy.yaml")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cwd" / "heard").read_text().splitlines() == [
        "0 leap_before_iteration False",
        "0 leap_after_update False",
        "0 leap_after_iteration True",
        "1 leap_before_iteration False",
        "1 leap_after_rollouts False",
        "1 leap_after_corrections False",
        "1 leap_after_update False",
        "1 leap_after_iteration True",
    ]
    assert done.stderr.count("leap: warning: plugin 'listener' failed in leap_") == 8
    assert "OSError: the logger is down" in done.stderr
