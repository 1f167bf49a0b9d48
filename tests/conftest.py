"""Fixtures of the core's tests: real plugins in a folder of their own, real `leap` processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Leap = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"leap_core": ROOT, **{p.parent.name: p.parent for p in ROOT.glob("plugins/*/*.toml")}}


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All packages as sdist, and as the wheel that is built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    for source in SOURCES.values():
        build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source]
        done = subprocess.run(build, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


class PluginSite:
    """A folder that holds installed packages: put on PYTHONPATH, it is like a site-packages."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(
        self, name: str, code: str | None, *, entry: str | None = None, package: str | None = None
    ) -> None:
        """Install a package `NAME-plugin 0.1` whose entry point `name` is `code` (None: nothing).

        `entry` replaces the value of the entry point.
        """
        module = f"{name.replace('-', '_')}_plugin"
        if code is not None:
            (self.path / f"{module}.py").write_text(textwrap.dedent(code))
        self.write_metadata(package or f"{name}-plugin", f"[leap]\n{name} = {entry or module}\n")

    def write_metadata(self, package: str, entry_points: str) -> None:
        info = self.path / f"{package.replace('-', '_')}-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def plugin_site(tmp_path: Path) -> PluginSite:
    path = tmp_path / "site"
    path.mkdir()
    return PluginSite(path)


@pytest.fixture
def leap(plugin_site: PluginSite, tmp_path: Path) -> Leap:
    """Run `leap ARGS` in a process of its own, in an empty folder, with `plugin_site` installed."""
    folder = tmp_path / "cwd"
    folder.mkdir(exist_ok=True)
    return leap_with(plugin_site, folder)


def leap_with(site: PluginSite, folder: Path) -> Leap:
    """A function that runs `leap ARGS` in `folder`, with `site` installed."""

    def run(*args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LEAP_")}
        return subprocess.run(
            [sys.executable, "-m", "leap_core", *args],
            cwd=folder,
            env={**clean, "PYTHONPATH": str(site.path), **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
