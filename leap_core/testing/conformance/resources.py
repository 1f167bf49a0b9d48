"""What a process holds of the machine: child processes, open files, mounts, temporary files."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

PROC = Path("/proc")


def footprint() -> dict[str, int]:
    """Count what this process and its descendants hold (Linux)."""
    return {
        "child processes": len(descendants(os.getpid())),
        "open files": len(list((PROC / "self" / "fd").iterdir())) - 1,
        "mounts": len((PROC / "self" / "mountinfo").read_text().splitlines()),
        "temporary files": len(list(Path(tempfile.gettempdir()).iterdir())),
    }


def can_count() -> bool:
    """Whether this system says what a process holds."""
    return sys.platform == "linux" and (PROC / "self" / "fd").is_dir()


def descendants(root: int) -> set[int]:
    """Process ids of the children of `root`, their children, and so on; the dead left out."""
    children: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(path.parent.name))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        more = set(children.get(waiting.pop(), ())) - found
        found |= more
        waiting += more
    return found
