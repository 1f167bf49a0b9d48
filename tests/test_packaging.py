"""The packages as users get them: built, then installed where this checkout cannot be seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import leap_core

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"leap_core": ROOT, **{p.parent.name: p.parent for p in ROOT.glob("plugins/*/*.toml")}}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All packages as sdist, and as the wheel that is built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    for source in SOURCES.values():
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source]
        done = subprocess.run(build, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def environment(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with all wheels in it; returns its folder of scripts."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    wheels = sorted(dist.glob("*.whl"))
    pip = [scripts / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
    done = subprocess.run([*pip, *wheels], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return scripts


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
        ["git", "ls-files", package], cwd=SOURCES[package], capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout: what belongs to the package is not known")
    assert set(listed.stdout.split()) <= set(names)


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
    assert data["Summary"]
    assert data["Description-Content-Type"] == "text/markdown"
    requirements = data.get_all("Requires-Dist") or []
    if package != "leap_core":
        assert any(r.startswith("leap-core<0.2,>=0.1") for r in requirements)


def test_the_core_needs_no_heavy_package(dist: Path) -> None:
    requirements = metadata(dist, "leap_core").get_all("Requires-Dist") or []
    needed = {r.split(">")[0] for r in requirements if "extra ==" not in r}
    assert needed == {"click", "jinja2", "pluggy", "pydantic", "pyyaml", "rich"}


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEAP_", "PYTHON"))}
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True)


def test_installed_packages_work_without_the_checkout(environment: Path, tmp_path: Path) -> None:
    done = run([environment / "leap", "list-plugins", "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    infos = json.loads(done.stdout)
    assert {info["state"] for info in infos} == {"loaded"}, done.stdout
    packages = {info["package"].replace("-", "_") for info in infos}
    assert packages == set(SOURCES)
    code = "import leap_core, importlib.util as u; print(leap_core.__file__, u.find_spec('torch'))"
    shown = run([environment / "python", "-c", code], tmp_path).stdout
    assert str(environment.parent) in shown
    assert shown.strip().endswith("None")


def test_a_policy_is_evaluated_without_torch(environment: Path, tmp_path: Path) -> None:
    ask = "evaluate --environment alfworld --policy scripted:explorer --limit 3 --json".split()
    done = run([environment / "leap", *ask], tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["overall"]["tasks"] == 3


def test_training_without_torch_says_what_to_install(environment: Path, tmp_path: Path) -> None:
    ask = "--quiet run quickstart --set student.model=tiny --set demonstrations.tasks=2".split()
    done = run([environment / "leap", *ask], tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("leap: ")
    assert line.endswith('install it with: pip install "leap-core[local]"')
