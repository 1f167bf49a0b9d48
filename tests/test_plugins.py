"""One broken plugin never breaks the rest, and says in one line what is wrong with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from leap_core.errors import PluginError
from leap_core.plugins.manager import discover
from tests.conftest import PluginSite, leap_with

GOOD = """
    from leap_core import hookimpl
    LEAP_API_VERSION = 2

    @hookimpl
    def leap_register_teachers(register):
        register("parrot", "parrot_teacher:Parrot", "Repeats what was said")
"""

HALF = """
    from leap_core import hookimpl
    LEAP_API_VERSION = 2

    @hookimpl
    def leap_register_environments(register):
        register("half", "half:Half", "Registered before it goes wrong")

    @hookimpl
    def leap_after_iteration(event):
        event.heard.append("half")
"""


def plus(line: str) -> str:
    """HALF with one more line."""
    return f"{HALF}\n    {line}\n"


def hook(line: str) -> str:
    """HALF with one more hook."""
    return plus(f"@hookimpl\n    {line}")


UPDATERS = "def leap_register_updaters(register): "

# what is wrong -> (code of the plugin, value of its entry point, what its reason must say)
BROKEN: dict[str, tuple[str | None, str | None, str]] = {
    "import error": (
        plus("import a_package_that_is_missing"),
        None,
        "ModuleNotFoundError: No module named 'a_package_that_is_missing'",
    ),
    "syntax error": ("def leap_register_teachers(register:", None, "SyntaxError: "),
    "entry point to no module": (None, "nowhere.plugin", "leads nowhere: no module 'nowhere'"),
    "entry point to no attribute": (HALF, "broken_plugin:ghost", "has no attribute 'ghost'"),
    "malformed entry point": (HALF, "not a module!", "'not a module!' is not written"),
    "no API version": (
        HALF.replace("LEAP_API_VERSION = 2", ""),
        None,
        "does not set LEAP_API_VERSION",
    ),
    "wrong API version": (
        HALF.replace("VERSION = 2", "VERSION = 99"),
        None,
        "needs LEAP_API_VERSION 99, this leap-core has 2: upgrade leap-core",
    ),
    "outdated API version": (
        HALF.replace("VERSION = 2", "VERSION = 1"),
        None,
        "built for LEAP_API_VERSION 1, and this leap-core supports 2 and later: upgrade the plugin",
    ),
    "unknown hook": (
        hook("def leap_register_teacher(register): pass"),
        None,
        "unknown hook 'leap_register_teacher'; did you mean 'leap_register_teachers'?",
    ),
    "bad hook signature": (
        hook("def leap_register_updaters(register, registry): pass"),
        None,
        "wrong signature: Argument(s) {'registry'} are declared in the hookimpl",
    ),
    "hook without mark": (
        plus(UPDATERS + "pass"),
        None,
        "'leap_register_updaters' is not marked with @leap_core.hookimpl",
    ),
    "exception while registering": (
        hook(UPDATERS + "raise OSError('no disk')"),
        None,
        "leap_register_updaters raised OSError: no disk",
    ),
    "hook that yields": (
        hook(UPDATERS + "yield register"),
        None,
        "leap_register_updaters returned a generator",
    ),
    "name clash": (
        hook(UPDATERS + "register('sft', 'a:B', 'Mine')"),
        None,
        "updater 'sft' is already registered by 'leap-core'",
    ),
    "command clash": (
        hook("def leap_register_commands(register): register('run', 'a:b', 'Mine')"),
        None,
        "command 'run' is already registered by 'leap-cli'",
    ),
    "bad factory": (
        hook(UPDATERS + "register('x', 'a.B', 'Mine')"),
        None,
        "factory 'a.B' of updater 'x' is not written 'package.module:Class'",
    ),
    "factory that is no string": (
        hook(UPDATERS + "register('x', dict, 'Mine')"),
        None,
        "updater 'x' must be registered with three non-empty strings",
    ),
    "exit on import": (
        plus("import sys; sys.exit('no GPU')"),
        None,
        "SystemExit: no GPU",
    ),
    "error of many lines": (
        plus("raise ValueError('a\\nb\\n  c')"),
        None,
        "ValueError: a b c",
    ),
    "error without text": (plus("raise ValueError"), None, "ValueError"),
    "endless recursion": (
        plus("(lambda call: call(call))(lambda call: call(call))"),
        None,
        "RecursionError: maximum recursion depth exceeded",
    ),
    "library that is too old": (
        plus("from json import from_yaml"),
        None,
        "ImportError: cannot import name 'from_yaml' from 'json'",
    ),
}


def listed(process: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert process.returncode == 0, process.stderr
    return {info["name"]: info for info in json.loads(process.stdout)}


def name_of(case: str) -> str:
    return f"broken-{list(BROKEN).index(case):02d}"


@pytest.fixture(scope="module")
def listings(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """`leap list-plugins`, in JSON and in lines, with all of them and a good one installed."""
    site = PluginSite(tmp_path_factory.mktemp("site"))
    for case, (code, entry, _) in BROKEN.items():
        module = name_of(case).replace("-", "_") + "_plugin"
        site.install(name_of(case), code, entry=entry and entry.replace("broken_plugin", module))
    site.install("good", GOOD)
    leap = leap_with(site, site.path)
    return listed(leap("list-plugins", "--json")), leap("list-plugins").stdout.splitlines()


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason(case: str, listings) -> None:
    infos, lines = listings
    name, broken = name_of(case), infos[name_of(case)]
    assert (broken["state"], broken["gives"]) == ("failed", {})
    assert (broken["package"], broken["version"]) == (f"{name}-plugin", "0.1")
    assert BROKEN[case][2] in broken["reason"]
    (line,) = [line.rstrip() for line in lines if line.startswith(name)]
    print(line)
    assert line.split(maxsplit=4) == [name, f"{name}-plugin", "0.1", "failed", broken["reason"]]


def test_among_many_broken_plugins_the_sound_ones_work(listings) -> None:
    sound = {name: info for name, info in listings[0].items() if not name.startswith("broken-")}
    assert sound["good"]["gives"] == {"teachers": ["parrot"]}
    assert {"alfworld", "intercode", "leap-cli", "leap-core", "teachers", "webshop"} < set(sound)
    assert {info["state"] for info in sound.values()} == {"loaded"}


@pytest.mark.parametrize("case", [c for c, (code, *_) in BROKEN.items() if code and HALF in code])
def test_a_broken_plugin_leaves_nothing_behind(case: str, plugin_site, monkeypatch) -> None:
    code, entry, _ = BROKEN[case]
    plugin_site.install("broken", code, entry=entry)
    monkeypatch.syspath_prepend(plugin_site.path)
    try:
        plugins = discover()
    finally:
        sys.modules.pop("broken_plugin", None)

    assert [info.name for info in plugins.failed] == ["broken"]
    assert "half" not in plugins.registry.names("environment")
    event = SimpleNamespace(heard=[])
    assert plugins.notify("leap_after_iteration", event) == []
    assert event.heard == []
    assert not hasattr(plugins.hook, "leap_register_teacher")


def test_a_plugin_that_is_slow_to_import_works_and_is_pointed_out(leap, plugin_site) -> None:
    plugin_site.install("slow", GOOD + "\n    import time; time.sleep(1.1)")
    done = leap("list-plugins", "--json")
    slow = listed(done)["slow"]
    assert (slow["state"], slow["gives"]) == ("loaded", {"teachers": ["parrot"]})
    assert re.fullmatch(r"importing it takes \d+\.\d s, and every .* waits for it", slow["reason"])


def test_of_two_plugins_with_one_registered_name_the_second_is_refused(leap, plugin_site) -> None:
    plugin_site.install("first", GOOD)
    plugin_site.install("second", GOOD)
    infos = listed(leap("list-plugins", "--json"))
    assert infos["first"]["state"] == "loaded"
    assert infos["second"]["reason"] == "teacher 'parrot' is already registered by 'first'"


def test_of_two_packages_with_one_plugin_name_the_second_is_refused(leap, plugin_site) -> None:
    plugin_site.install("twin", GOOD, package="a-twin")
    plugin_site.write_metadata("b-twin", "[leap]\ntwin = twin_plugin\n")
    infos = json.loads(leap("list-plugins", "--json").stdout)
    twins = {info["package"]: info for info in infos if info["name"] == "twin"}
    assert twins["a-twin"]["state"] == "loaded"
    assert twins["b-twin"]["reason"] == "the name 'twin' is held by package 'a-twin'"


def test_unreadable_metadata_of_any_package_breaks_nothing(leap, plugin_site) -> None:
    plugin_site.install("good", GOOD)
    plugin_site.write_metadata("unrelated", "[console_scripts]\nthis is no entry point\n")
    plugin_site.write_metadata("torn", "[leap]\ntorn\n")
    infos = listed(leap("list-plugins", "--json"))
    assert infos["good"]["state"] == "loaded"
    assert "entry points cannot be read" in infos["torn"]["reason"]
    assert "unrelated" not in infos


def test_what_a_plugin_prints_on_import_stays_out_of_the_output(leap, plugin_site) -> None:
    plugin_site.install("chatty", GOOD + "\n    print('hello from a plugin')")
    done = leap("list-plugins", "--json")
    assert listed(done)["chatty"]["state"] == "loaded"
    assert "hello from a plugin" in done.stderr


def test_disabled_plugins_are_not_imported(leap, plugin_site, tmp_path) -> None:
    trace = tmp_path / "imported"
    plugin_site.install("good", GOOD + f"\n    open({str(trace)!r}, 'w')")
    done = leap("list-plugins", "--json", env={"LEAP_DISABLE_PLUGINS": "good, webshop"})
    infos = listed(done)
    assert infos["good"]["state"] == infos["webshop"]["state"] == "disabled"
    assert infos["good"]["reason"] == "named in LEAP_DISABLE_PLUGINS"
    assert not trace.exists()
    assert done.stderr == ""


def test_a_misspelled_name_in_the_disable_list_is_pointed_out(leap) -> None:
    done = leap("list-plugins", env={"LEAP_DISABLE_PLUGINS": "webshp"})
    assert done.returncode == 0
    assert "LEAP_DISABLE_PLUGINS: unknown plugin 'webshp'; did you mean 'webshop'?" in done.stderr


@pytest.mark.parametrize("value, code", [("1", 2), ("true", 2), ("0", 0), ("", 0)])
def test_strict_mode_makes_any_failure_an_error(value: str, code: int, leap, plugin_site) -> None:
    plugin_site.install("broken", "raise OSError('no disk')")
    done = leap("list-plugins", env={"LEAP_STRICT_PLUGINS": value})
    assert done.returncode == code
    if code:
        (line,) = done.stderr.splitlines()
        assert line.startswith("leap: plugin 'broken' of package 'broken-plugin' failed to load")
        assert "OSError: no disk" in line


def test_strict_mode_is_content_with_sound_plugins(leap) -> None:
    assert leap("list-plugins", env={"LEAP_STRICT_PLUGINS": "1"}).returncode == 0


def test_commands_that_use_plugins_warn_once_of_each_that_failed(plugin_site) -> None:
    plugin_site.install("broken", "raise OSError('no disk')")
    code = (
        "from leap_core.plugins.manager import load_plugins; "
        "assert load_plugins() is load_plugins()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(plugin_site.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("plugin 'broken' (broken-plugin) is left out: OSError: no disk") == 1


def test_a_life_cycle_hook_that_raises_is_skipped_with_a_warning(
    plugin_site, monkeypatch, caplog
) -> None:
    listener = """
        from leap_core import hookimpl
        LEAP_API_VERSION = 2

        @hookimpl
        def leap_after_iteration(event):
            event.heard.append("{name}")
            {then}
    """
    plugin_site.install("aa", listener.format(name="aa", then="raise OSError('logger is down')"))
    plugin_site.install("bb", listener.format(name="bb", then="raise SystemExit(3)"))
    plugin_site.install("cc", listener.format(name="cc", then="pass"))
    monkeypatch.syspath_prepend(plugin_site.path)
    plugins = discover()

    event = SimpleNamespace(heard=[])
    failures = plugins.notify("leap_after_iteration", event)

    assert event.heard == ["aa", "bb", "cc"]
    assert [(f.plugin, f.hook) for f in failures] == [
        ("aa", "leap_after_iteration"),
        ("bb", "leap_after_iteration"),
    ]
    assert "plugin 'aa' failed in leap_after_iteration" in caplog.text
    assert "OSError: logger is down" in caplog.text


def test_notifying_an_unknown_hook_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(PluginError, match="leap_after_lunch"):
        discover().notify("leap_after_lunch", SimpleNamespace())


NOT_WHAT_IT_SAYS = {
    "factory to no module": ("a_missing_module:Kitchen", "cannot be loaded from 'a_missing_module"),
    "factory to no class": ("json:Kitchen", "AttributeError: module 'json' has no attribute"),
    "factory of another kind": (
        "leap_core.contracts.privileged:PrivilegedSource",
        "is no subclass of",
    ),
    "factory to a function": ("json:dumps", "is no subclass of leap_core.Environment"),
    "class without options": ("kitchen_plugin:Kitchen", "has no `Options`"),
}


@pytest.mark.parametrize("case", NOT_WHAT_IT_SAYS)
def test_a_factory_that_is_not_what_it_says_is_the_plugins_fault(case, leap, plugin_site) -> None:
    factory, reason = NOT_WHAT_IT_SAYS[case]
    code = f"""
        from leap_core import Environment, hookimpl
        LEAP_API_VERSION = 2

        class Kitchen(Environment):
            pass

        @hookimpl
        def leap_register_environments(register):
            register("kitchen", "{factory}", "Cooking")
    """
    plugin_site.install("kitchen", code)
    done = leap("evaluate", "--environment", "kitchen", "--policy", "scripted:x")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("leap: environment 'kitchen' of plugin 'kitchen'")
    assert reason in line
