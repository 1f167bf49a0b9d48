"""The packages as users get them: built, then installed where this checkout cannot be seen."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from readme_renderer import markdown

import leap_core
from tests.conftest import ROOT, SOURCES, Leap, PluginSite

pytestmark = pytest.mark.slow

PLUGINS = sorted(SOURCES.keys() - {"leap_core"})

# The virtual environments: what is installed into each one.
COMBINATIONS = {
    "leap_core": ["leap_core"],
    **{f"leap_core + {plugin}": ["leap_core", plugin] for plugin in PLUGINS},
    "all": ["leap_core", *PLUGINS],
}
Installed = Callable[[str], Path]

# environment -> (its package, a scripted policy of its own, a split)
PLAYERS = {
    "alfworld": ("leap_alfworld", "explorer", "valid_unseen"),
    "intercode-sql": ("leap_intercode", "explorer", "test"),
    "webshop": ("leap_webshop", "shopper", "test"),
}

TOY_PLUGIN = """
from leap_core import hookimpl

LEAP_API_VERSION = 2

@hookimpl
def leap_register_environments(register):
    register("toy", "leap_core.testing.toy:ToyEnvironment", "Coins in boxes")

@hookimpl
def leap_register_privileged_sources(register):
    register("toy-coin", "leap_core.testing.toy:ToySource", "Where the coin is")
"""

TOY_RUN = """
iterations: 1
environment: {name: toy, options: {boxes: 5}}
splits: {train: train, validation: valid}
student: {model: "scripted:first-box"}
demonstrations: {tasks: 0}
rollouts: {tasks: 10}
privileged: {name: toy-coin}
updater: {name: keep}
evaluation: {tasks: 2}
"""


@pytest.fixture(scope="module")
def wheels(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of everything that the packages need; fetched once for all tests."""
    folder = tmp_path_factory.mktemp("wheels")
    fetch = ["download", "-q", "-c", ROOT / "constraints.txt", "-d", folder]
    run_pip([*fetch, *sorted(dist.glob("*.whl"))])
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Gives the folder of scripts of a fresh virtual environment that holds some packages."""

    @functools.cache
    def scripts_of(combination: str) -> Path:
        folder = tmp_path_factory.mktemp("fresh") / "venv"
        venv.create(folder, symlinks=os.name != "nt")
        scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        asked = [next(dist.glob(f"{package}-*.whl")) for package in COMBINATIONS[combination]]
        how = ["install", "-q", "--no-compile", "--no-index", "--find-links", wheels]
        run_pip([*how, *asked], scripts / "python")
        return scripts

    return scripts_of


def run_pip(arguments: list[str | Path], python: str | Path = sys.executable) -> None:
    """Run this environment's pip, for the environment of `python`."""
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    done = subprocess.run([*pip, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def wheel(dist: Path, package: str) -> zipfile.ZipFile:
    (path,) = dist.glob(f"{package}-*.whl")
    return zipfile.ZipFile(path)


def metadata(dist: Path, package: str) -> Message:
    with wheel(dist, package) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


@pytest.mark.parametrize("package", SOURCES)
def test_a_wheel_holds_its_package_whole_and_nothing_else(package: str, dist: Path) -> None:
    with wheel(dist, package) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {package}
    assert f"{package}/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    listed = subprocess.run(
        ["git", "ls-files", "-z", package], cwd=SOURCES[package], capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout: what belongs to the package is not known")
    assert set(listed.stdout.split("\0")) - {""} <= set(names)


@pytest.mark.parametrize("package", SOURCES)
def test_an_sdist_holds_no_other_package(package: str, dist: Path) -> None:
    (path,) = dist.glob(f"{package}-*.tar.gz")
    with tarfile.open(path) as archive:
        entries = {Path(name).parts[1] for name in archive.getnames() if len(Path(name).parts) > 1}
    assert entries <= {package, "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
                       "PKG-INFO", ".gitignore"}  # fmt: skip


@pytest.mark.parametrize("package", SOURCES)
def test_metadata_is_complete_and_versions_are_in_step(package: str, dist: Path) -> None:
    data = metadata(dist, package)
    assert data["Version"] == leap_core.__version__
    assert data["License-Expression"] == "MIT"
    assert data["Requires-Python"] == ">=3.10"
    assert data["Summary"] and data["Author"]
    pythons = {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)}
    assert pythons | {"Typing :: Typed"} <= set(data.get_all("Classifier") or [])
    assert data["Description-Content-Type"] == "text/markdown"
    requirements = data.get_all("Requires-Dist") or []
    if package != "leap_core":
        assert any(r.startswith("leap-core<0.2,>=0.1") for r in requirements)


def test_the_core_needs_no_heavy_package(dist: Path) -> None:
    requirements = metadata(dist, "leap_core").get_all("Requires-Dist") or []
    needed = {r.split(">")[0] for r in requirements if "extra ==" not in r}
    assert needed == {"click", "jinja2", "pluggy", "pydantic", "pyyaml", "rich"}


@pytest.mark.parametrize("package", SOURCES)
def test_a_readme_can_be_shown_by_a_package_index(package: str, dist: Path) -> None:
    text = metadata(dist, package).get_payload()
    assert isinstance(text, str)
    page = markdown.render(text)
    assert page is not None and "<h1" in page and "<pre>" in page


@pytest.fixture
def leap_in(installed: Installed, plugin_site: PluginSite, tmp_path: Path) -> Leap:
    """Run `leap` in the environment of a combination, with `plugin_site` added to it."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEAP_", "PYTHON"))}

    def run(combination: str, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [installed(combination) / "leap", *args],
            cwd=folder,
            env={**clean, "PYTHONPATH": str(plugin_site.path)},
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_packages_work_in_a_fresh_environment(
    combination: str, installed: Installed, leap_in: Leap
) -> None:
    done = leap_in(combination, "list-plugins", "--json")
    assert done.returncode == 0, done.stderr
    infos = json.loads(done.stdout)
    assert {info["state"] for info in infos} == {"loaded"}, done.stdout
    packages = {info["package"].replace("-", "_") for info in infos}
    assert packages == set(COMBINATIONS[combination])

    python = installed(combination) / "python"
    run_pip(["check"], python)
    code = "import leap_core, importlib.util as u; print(leap_core.__file__, u.find_spec('torch'))"
    shown = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True).stdout
    assert str(python.parent.parent) in shown
    assert shown.strip().endswith("None")


def score(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    overall: dict[str, object] = json.loads(done.stdout)["overall"]
    return overall


@pytest.mark.parametrize("environment", PLAYERS)
def test_an_environment_plays_beside_the_core_alone(environment: str, leap_in: Leap) -> None:
    package, player, split = PLAYERS[environment]
    ask = f"evaluate --environment {environment} --policy scripted:{player} --split {split}"
    done = leap_in(f"leap_core + {package}", *ask.split(), "--limit", "3", "--json")
    assert score(done)["tasks"] == 3


def test_the_core_alone_evaluates(leap_in: Leap, plugin_site: PluginSite) -> None:
    plugin_site.install("toy", TOY_PLUGIN)
    ask = "evaluate --environment toy --policy scripted:search --split test --json".split()
    assert score(leap_in("leap_core", *ask))["success"] == 1.0


def test_the_core_alone_says_what_training_needs(
    leap_in: Leap, plugin_site: PluginSite, tmp_path: Path
) -> None:
    plugin_site.install("toy", TOY_PLUGIN)
    (tmp_path / "cwd" / "toy.yaml").write_text(TOY_RUN.replace("scripted:first-box", "tiny"))
    done = leap_in("leap_core", "--quiet", "run", "toy.yaml", "--set", "iterations=0")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("leap: ")
    assert line.endswith('install it with: pip install "leap-core[local]"')
    assert not (tmp_path / "cwd" / "runs").exists()


def test_a_teacher_by_api_corrects_without_torch(
    leap_in: Leap, plugin_site: PluginSite, tmp_path: Path
) -> None:
    from leap_core.testing.provider import Provider
    from leap_core.testing.toy import ToyEnvironment, ToyOptions, ToySource
    from leap_teachers.testing import OracleAnswers

    plugin_site.install("toy", TOY_PLUGIN)
    (tmp_path / "cwd" / "toy.yaml").write_text(TOY_RUN)
    environment = ToyEnvironment(ToyOptions(boxes=5))
    source = ToySource(ToySource.Options(), environment)
    answers = OracleAnswers(environment, source, environment.tasks("train"))
    with Provider(answers) as provider:
        options = {"model": "hosted_vllm/m", "api_base": provider.base_url}
        taught = f"teacher={json.dumps({'name': 'litellm', 'options': options})}"
        done = leap_in("leap_core + leap_teachers", "run", "toy.yaml", "--set", taught)
    assert done.returncode == 0, done.stderr
    corrections = tmp_path / "cwd" / "runs" / "toy" / "iterations" / "01" / "corrections.jsonl"
    assert len(corrections.read_text().splitlines()) > 5


def test_all_packages_go_through_the_loop_without_torch(leap_in: Leap, tmp_path: Path) -> None:
    changes = {
        "iterations": 1,
        "student.model": "scripted:explorer",
        "demonstrations.tasks": 0,
        "rollouts.tasks": 20,
        "rollouts.horizon": 8,
        "updater": "{name: keep}",
        "first_updater": "null",
        "evaluation": "{tasks: 4, test_tasks: 4}",
    }
    overrides = [word for k, v in changes.items() for word in ("--set", f"{k}={v}")]
    done = leap_in("all", "run", "quickstart", *overrides)
    assert done.returncode == 0, done.stderr
    assert "best policy" in done.stdout
    done = leap_in("all", "report", "runs/quickstart")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cwd" / "runs" / "quickstart" / "report.html").exists()
