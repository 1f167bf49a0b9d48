"""Mistakes of plugin authors, and settings that would be ignored: each is one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Leap, PluginSite
from tests.support.toy_run import CONFIG, TOY

PLUGIN = """
from leap_core import *
from leap_core.testing.toy import ToyEnvironment, ToyOptions

LEAP_API_VERSION = 2
{code}

@hookimpl
def leap_register_{hook}(register):
    register("mine", "mine_plugin:{name}", "a part of the tests")
"""


@pytest.fixture
def folder(tmp_path: Path, plugin_site: PluginSite) -> Path:
    plugin_site.install("toy", TOY)
    (tmp_path / "cwd").mkdir(exist_ok=True)
    return tmp_path / "cwd"


def write(folder: Path, **changes: object) -> None:
    (folder / "toy.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))


def install(site: PluginSite, hook: str, name: str, code: str) -> None:
    site.install("mine", PLUGIN.format(code=code, hook=hook, name=name))


MISTAKES = {
    "a policy engine that is no Engine": (
        "policy_engines", "Box", "class Box:\n    Options = Section",
        {"student": {"model": "mine:x"}}, "is no subclass of leap_core.Engine",
    ),
    "no updater inside a sequence": (
        "updaters", "Box", "class Box:\n    Options = Section",
        {"updater": [{"name": "mine"}]}, "is no subclass of leap_core.Updater",
    ),
    "an environment whose __init__ takes no context": (
        "environments", "Box",
        "class Box(ToyEnvironment):\n    def __init__(self, options):\n        pass",
        {"environment": {"name": "mine"}}, "cannot be built: TypeError",
    ),
    "a teacher without async": (
        "teachers", "Box",
        (
            "class Box(Teacher):\n    Options = Section\n"
            "    def correct(self, trajectory, states, brief):\n        pass"
        ),
        {"teacher": {"name": "mine"}}, "must define `correct` with `async def`",
    ),
    "kinds of demonstration without demonstrate": (
        "environments", "Box",
        "class Box(ToyEnvironment):\n    demonstrate = Environment.demonstrate",
        {"environment": {"name": "mine"}}, "does not implement `demonstrate`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_a_plugin_is_one_sentence_that_names_it(
    leap: Leap, folder: Path, plugin_site: PluginSite, mistake: str
) -> None:
    hook, name, code, changes, sentence = MISTAKES[mistake]
    install(plugin_site, hook, name, code)
    write(folder, **{"privileged": CONFIG["privileged"], **changes})
    done = leap("run", "toy.yaml")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert sentence in line
    assert "mine" in line
    assert not (folder / "runs").exists()


def test_an_exception_out_of_a_plugin_names_it_with_its_version(
    leap: Leap, folder: Path, plugin_site: PluginSite
) -> None:
    code = "class Box(ToyEnvironment):\n    def layout(self):\n        return 1 / 0"
    install(plugin_site, "environments", "Box", code)
    write(folder, environment={"name": "mine"})
    done = leap("run", "toy.yaml")
    assert done.returncode == 1
    assert "plugin 'mine' (mine-plugin 0.1) raised ZeroDivisionError" in done.stderr


def test_list_plugins_checks_every_factory_and_goes_on(
    leap: Leap, folder: Path, plugin_site: PluginSite
) -> None:
    install(plugin_site, "environments", "Gone", "")
    done = leap("list-plugins", "--check", "--json")
    assert done.returncode == 1
    states = {one["name"]: one["state"] for one in json.loads(done.stdout)}
    assert states["mine"] == "failed"
    assert states["toy"] == states["leap-core"] == "loaded"


def test_a_generation_key_that_is_not_honoured_is_refused(
    leap: Leap, folder: Path, plugin_site: PluginSite
) -> None:
    code = (
        "class Box(Engine):\n"
        "    Options = Section\n"
        "    def __init__(self, options, model, context):\n        pass\n"
        "    def reply(self, requests):\n"
        "        return ['REASON: r\\nACTION: open box 1'] * len(requests)"
    )
    install(plugin_site, "policy_engines", "Box", code)
    student = {"model": "mine:x", "generation": {"constrained": True}}
    write(folder, student=student)
    done = leap("run", "toy.yaml")
    assert done.returncode == 2
    assert "does not honour generation.constrained" in done.stderr
    write(folder, student={"model": "mine:x"})
    done = leap("run", "toy.yaml", "--name", "honoured")
    assert done.returncode == 0, done.stderr
    assert "temperature 0.3" in done.stdout
    assert "constrained" not in done.stdout, "only what is honoured is printed"


def test_what_a_resumed_run_may_change_is_declared_on_the_option(
    leap: Leap, folder: Path, plugin_site: PluginSite
) -> None:
    code = (
        "class Options(Section):\n"
        "    my_threads: int = resumable(1)\n"
        "    micro_batch_size: int = 8\n"
        "class Box(Updater):\n"
        "    Options = Options\n"
        "    def update(self, policy, examples, context):\n        return policy"
    )
    install(plugin_site, "updaters", "Box", code)
    write(folder, updater={"name": "mine"})
    assert leap("run", "toy.yaml").returncode == 0
    assert leap("run", "toy.yaml", "--set", "updater.options.my_threads=2").returncode == 0
    refused = leap("run", "toy.yaml", "--set", "updater.options.micro_batch_size=4")
    assert refused.returncode == 2
    assert "updater.options.micro_batch_size" in refused.stderr


def test_a_run_folder_of_an_earlier_format_is_refused(leap: Leap, folder: Path) -> None:
    write(folder)
    assert leap("run", "toy.yaml").returncode == 0
    manifest = folder / "runs" / "toy" / "manifest.json"
    data = json.loads(manifest.read_text())
    del data["format"]
    manifest.write_text(json.dumps(data))
    refused = leap("run", "toy.yaml")
    assert refused.returncode == 2
    assert "was written in format 1" in refused.stderr
    assert "finish it with the version that began it" in refused.stderr
    assert leap("report", "runs/toy").returncode == 0, "it can still be read"


def test_a_renamed_key_says_its_new_name(leap: Leap, folder: Path) -> None:
    write(folder, student={**CONFIG["student"], "generation": {"drafts": False}})
    done = leap("run", "toy.yaml")
    assert done.returncode == 2
    assert "unknown key 'student.generation.drafts'; did you mean 'speculative'?" in done.stderr
