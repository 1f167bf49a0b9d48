"""`leap new-plugin`: what it makes is installed, known to LEAP, and green, as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leap_core.cli.new_plugin import KINDS
from tests.conftest import Leap

# kind -> what `leap list-plugins` says that the new package gives
GIVES = {
    "environment": {"environments": ["sample"], "privileged sources": ["sample-state"]},
    "teacher": {"teachers": ["sample"]},
    "privileged-source": {"privileged sources": ["sample"]},
    "updater": {"updaters": ["sample"]},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_is_green_at_once(kind: str, leap: Leap, tmp_path: Path) -> None:
    pytest.importorskip("copier")
    if kind == "updater":
        pytest.importorskip("torch")
    made = leap("new-plugin", kind, "sample")
    assert made.returncode == 0, made.stderr
    package, site = tmp_path / "cwd" / "leap-sample", tmp_path / "installed"
    into = ["--no-deps", "--no-build-isolation", "-q", "--target", str(site), str(package)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *into], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    listed = leap("list-plugins", "--json", env={"PYTHONPATH": str(site)})
    (info,) = [one for one in json.loads(listed.stdout) if one["name"] == "sample"]
    assert (info["state"], info["package"], info["gives"]) == ("loaded", "leap-sample", GIVES[kind])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    checked = [sys.executable, "-m", "ruff", "check", "--isolated", "."]
    assert subprocess.run(checked, cwd=package, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("environment", "My_Kitchen"), "use lower-case letters, digits and single hyphens"),
        (("updater", "sft"), "the name 'sft' is held by"),
        (("kitchen", "x"), "'kitchen' is not one of"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(
    arguments: tuple[str, str], sentence: str, leap: Leap, tmp_path: Path
) -> None:
    refused = leap("new-plugin", *arguments)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert list((tmp_path / "cwd").iterdir()) == []


def test_a_folder_that_is_not_empty_is_left_alone(leap: Leap, tmp_path: Path) -> None:
    mine = tmp_path / "cwd" / "leap-sample" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    refused = leap("new-plugin", "teacher", "sample")
    assert refused.returncode == 2 and "is not empty" in refused.stderr
    assert [path.name for path in mine.parent.iterdir()] == ["notes.txt"]
