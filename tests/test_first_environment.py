"""The tutorial of an environment, followed by a new user: in a fresh virtual environment.

LEAP's own packages are installed from wheels, by the commands on the page. The large libraries that
they need (torch and the like) are lent from the environment of the tests; with LEAP_FULL=1 they are
installed too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.following import Reader, Shell, compare

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "tutorials" / "first-environment.md"
NOT_LENT = re.compile(r"leap[_-]|_editable_impl|pip$|pip-|_?pytest|xdist|__pycache__|.*\.pth$")


@pytest.fixture(scope="session")
def build_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of what pip builds an editable package with, and of pytest."""
    folder = tmp_path_factory.mktemp("build-tools")
    fetch = [sys.executable, "-m", "pip", "download", "-q", "-d", folder]
    fetch += ["hatchling", "editables", "pytest"]
    done = subprocess.run([*fetch, "-c", ROOT / "constraints.txt"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def reader(dist: Path, build_tools: Path, tmp_path: Path) -> Reader:
    """A new user in an empty folder, whose pip finds LEAP as if it were published."""
    for name in ("work", "notes", "lent/site-packages", "bin"):
        (tmp_path / name).mkdir(parents=True)
    python = tmp_path / "bin" / "python"  # one that knows nothing of this environment
    python.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" "$@"\n')
    python.chmod(0o755)
    elsewhere = [p for p in os.environ["PATH"].split(os.pathsep) if not p.startswith(sys.prefix)]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEAP", "PYTHON", "VIRT"))}
    ours = {
        "PATH": os.pathsep.join([str(python.parent), *elsewhere]),
        "PIP_FIND_LINKS": f"{dist} {build_tools}",
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    if not os.environ.get("LEAP_FULL"):
        lent = tmp_path / "lent" / "site-packages"  # dill goes by that name
        lend(lent)
        ours |= {"PIP_NO_INDEX": "1", "PYTHONPATH": str(lent)}
    return Reader(Shell(tmp_path / "work", {**clean, **ours}, tmp_path / "notes"))


def lend(folder: Path) -> None:
    """Link the libraries that are installed here into `folder`; LEAP's packages are not lent."""
    pytest.importorskip("torch")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not NOT_LENT.match(entry.name):
            (folder / entry.name).symlink_to(entry)


def success(run: Path, iteration: int) -> float:
    path = run / "iterations" / f"{iteration:02d}" / "evaluation.json"
    return float(json.loads(path.read_text(encoding="utf-8"))["overall"]["success"])


@pytest.mark.timeout(1800)  # it is followed from the first line to the last
def test_your_first_environment(reader: Reader) -> None:
    reader.follow(PAGE)
    package = reader.shell.folder
    assert package.name == "leap-treasure"
    for module in ("leap_core", "leap_teachers", "pytest"):
        where = reader.shell.run(f"python -c 'import {module}; print({module}.__file__)'")
        assert ".venv" in where and str(ROOT) not in where
    run = package / "runs" / "treasure"
    best = max((1, 2), key=lambda iteration: success(run, iteration))
    assert success(run, best) >= success(run, 0) + 0.3
    assert json.loads((run / "result.json").read_text(encoding="utf-8"))["best"] == best


def test_a_page_that_shows_what_does_not_come_is_found() -> None:
    came = "one\ntwo in 3.1 s\nsuccess 20.0 %\n"
    compare("x", ["one", "two in … s", "success 25.5 %"], came)
    for wrong in (["three"], ["two in … s", "one"], ["two"], ["failure 20.0 %"]):
        with pytest.raises(AssertionError, match="should show"):
            compare("x", wrong, came)
