"""Control groups (version 2) for boxes, where LEAP may make some: then the kernel holds the limits.

That is where LEAP's own group, or the one above it, is delegated to its user and hands on the
memory controller: under a user's systemd, or as root. Nothing is asked of the user: where it does
not work, `make` says "" and boxes are measured instead (see `memory`).
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

_MOUNT = "/sys/fs/cgroup"
_PREFIX = "leap-box-"
_SPARE_PROCESSES = 16
_LAST_SECONDS = 2.0


class Groups:
    """The groups of one zygote's boxes, in a folder of the file system of groups ("": none)."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._made: list[str] = []
        self._count = 0

    def make(self, limits: dict[str, Any]) -> str:
        """Make a group with a box's limits, and return its folder; "" where that does not work."""
        if not self.folder:
            return ""
        self.sweep()
        self._count += 1
        path = f"{self.folder}/{_PREFIX}{os.getpid()}-{self._count}"
        try:
            os.mkdir(path)
            self._made.append(path)
            _put(f"{path}/memory.max", str(limits["total_memory"]))
            _put(f"{path}/pids.max", str(limits["processes"] + _SPARE_PROCESSES))
        except OSError:
            return ""
        with contextlib.suppress(OSError):  # not where the kernel knows no swap
            _put(f"{path}/memory.swap.max", "0")
        return path

    def sweep(self) -> None:
        """Remove the groups whose boxes have ended."""
        for path in list(self._made):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                pass
            except OSError:
                continue  # its box is still there
            self._made.remove(path)

    def remove(self) -> None:
        """Remove all of them, as their boxes end."""
        until = time.monotonic() + _LAST_SECONDS
        self.sweep()
        while self._made and time.monotonic() < until:
            time.sleep(0.01)
            self.sweep()


def enter(path: str) -> None:
    """Put this process, and all that come of it, into a group."""
    if path:
        with contextlib.suppress(OSError):
            _put(f"{path}/cgroup.procs", "0")


def delegated(mount: str = _MOUNT, own: str = "/proc/self/cgroup") -> str:
    """The folder in which this process may make groups with a limit of memory; "" if none."""
    try:
        with open(own) as file:
            paths = [line.strip()[3:] for line in file if line.startswith("0::/")]
    except OSError:
        return ""
    for path in paths:
        here = os.path.normpath(f"{mount}/{path}")
        for folder in (here, os.path.dirname(here)):
            if folder.startswith(mount) and _hands_on_memory(folder):
                return folder
    return ""


def _hands_on_memory(folder: str) -> bool:
    control = f"{folder}/cgroup.subtree_control"
    if not (os.access(folder, os.W_OK) and os.access(f"{folder}/cgroup.procs", os.W_OK)):
        return False
    try:
        with open(control) as file:
            return {"memory", "pids"} <= set(file.read().split())
    except OSError:
        return False


def _put(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
