"""Tutorials are followed word for word: their files written, their commands run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TUTORIALS = Path(__file__).resolve().parent.parent / "docs" / "tutorials"
BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<file>[^"]+)")?\n(?P<text>.*?)^```$', re.S | re.M
)


def follow(page: Path, folder: Path) -> Iterator[tuple[str, subprocess.CompletedProcess[str]]]:
    """Write each titled block to its file and run each `$` line; yields (command, what came)."""
    site = folder / "site-packages"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LEAP_", "PYTHON"))}
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["file"]:
            path = folder / block["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"], encoding="utf-8")
        elif block["language"] == "console":
            for line in re.findall(r"^\$ (.*)$", block["text"], re.M):
                yield (
                    line,
                    subprocess.run(
                        here(shlex.split(line), site),
                        cwd=folder,
                        env={**clean, "PYTHONPATH": str(site)},
                        capture_output=True,
                        text=True,
                    ),
                )


def here(command: list[str], site: Path) -> list[str]:
    """The command for this Python, installing into a folder that the test throws away."""
    if command == ["pip", "install", "-e", "."]:
        into = ["--no-deps", "--no-build-isolation", "-q", "--target", str(site), "."]
        return [sys.executable, "-m", "pip", "install", *into]
    assert command[0] == "leap", command
    return [sys.executable, "-m", "leap_core", *command[1:]]


def test_your_own_teacher(tmp_path: Path) -> None:
    shown = {}
    for command, done in follow(TUTORIALS / "own-teacher.md", tmp_path):
        assert done.returncode == 0, f"{command}: {done.stderr}"
        shown[command] = done.stdout
    assert "teachers: signpost" in shown["leap list-plugins"]
    kept, told = (rows(tmp_path / "runs" / name) for name in ("signpost", "telling"))
    assert len(kept["corrections"]) > 20
    assert all(row["leak"] < 0.5 for row in kept["corrections"])
    assert len(kept["rejected"]) == 0
    leaks = [row for row in told["rejected"] if "leak" in str(row["why"])]
    assert len(leaks) > len(told["corrections"]), "most of what it says is rejected"
    assert "leak" in shown["leap report runs/telling"]


def rows(run: Path) -> dict[str, list[dict[str, object]]]:
    found = {}
    for name in ("corrections", "rejected"):
        path = run / "iterations" / "01" / f"{name}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        found[name] = [json.loads(line) for line in lines]
    return found
