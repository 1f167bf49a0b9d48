"""The example plugins pass their own tests, against the real libraries that they adapt."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

PACKAGES = {"leap_gymnasium": "gymnasium", "leap_openenv": "openenv", "leap_verifiers": "verifiers"}


def test_every_example_plugin_is_tested() -> None:
    found = {path.parent.name for path in ROOT.glob("examples/plugins/*/pyproject.toml")}
    assert found == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_an_example_plugin_passes_its_tests(package: str, tmp_path: Path) -> None:
    library = PACKAGES[package]
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed; see examples/plugins/{package}")
    source = ROOT / "examples" / "plugins" / package
    into = ["--no-deps", "--no-build-isolation", "-q", "--target", str(tmp_path), str(source)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *into], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
