"""File trees as tables: what a task's box holds, with ages instead of dates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

DAY = 86_400.0
_QUANTUM = 3600


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or link of a tree.

    Attributes:
        path: absolute, in the box.
        kind: "file", "dir" or "link".
        content: of a file; the target of a link.
        mode: permissions.
        days: its age in days, at the time that an episode begins.
    """

    path: str
    kind: str
    content: bytes = b""
    mode: int = 0o644
    days: float = 0.0


@dataclass(frozen=True, slots=True)
class Tree:
    """A named tree; folders come before what is in them."""

    name: str
    entries: tuple[Entry, ...]
    environment: tuple[tuple[str, str], ...] = ()

    def planted(self, now: float) -> list[list[Any]]:
        """The tree as the sandbox takes it: [path, kind, mode, content, time of change]."""
        return [
            [e.path, e.kind, e.mode, e.content.decode("latin-1"), int(now - e.days * DAY)]
            for e in self.entries
        ]

    def files(self) -> Iterable[Entry]:
        """The files only."""
        return (entry for entry in self.entries if entry.kind == "file")


def reference_time() -> int:
    """The time that ages count from: the full hour, so that two boxes of one task agree."""
    return int(time.time()) // _QUANTUM * _QUANTUM


def folders_first(files: Sequence[Entry], days: float = 0.0) -> tuple[Entry, ...]:
    """Add the folders that files lie in, each before what it holds."""
    known = {entry.path for entry in files if entry.kind == "dir"}
    folders: dict[str, Entry] = {}
    for entry in files:
        parts = entry.path.split("/")[1:-1]
        for depth in range(1, len(parts) + 1):
            path = "/" + "/".join(parts[:depth])
            if path not in known:
                folders[path] = Entry(path, "dir", mode=0o755, days=days)
    return tuple(sorted([*folders.values(), *files], key=lambda e: e.path.split("/")))
