"""Measures the memory that a box holds as a whole: processes, files, and what the kernel keeps.

Where LEAP's cgroup is delegated (see `cgroup`), the kernel holds the limit. Elsewhere the runner
looks: seldom while a box is small, and the oftener the nearer it is to its limit, since memory can
only fill so fast. A look is cheap while even the address spaces of all processes fit the limit;
else what is really held is told. Memory that no process shows (shared mappings, memory files,
System V segments, extended attributes) is not to be had in a box at all: see `seccomp`.
"""

from __future__ import annotations

import os
import time

_PAGE = os.sysconf("SC_PAGE_SIZE")
_FILL_RATE = (3 << 30) * (os.cpu_count() or 1)
"""Bytes a second that the processes of a box can touch at most, as far as is known."""
_ENOUGH = 0.92
"""The share of its limit at which a box is emptied: what it adds until then stays below it."""
_SOONEST, _LATEST = 0.002, 0.2
_STILL = 1 << 20
"""Bytes more than at the last look, which are no growth."""
_PER_FILE = 32 << 10
"""Of an open file: half of what a pipe holds."""
_PER_SOCKET, _PER_TCP = 512 << 10, 8 << 20
"""What the buffers of a socket may hold (of TCP's, twice 4 MiB)."""
_FREE_FILES = 8
"""Open files of a process that are not counted."""


class Meter:
    """Looks at a box, when it is time to."""

    def __init__(self, limit: int) -> None:
        self.limit = int(limit * _ENOUGH)
        self.last = 0
        self.due = 0.0

    def begin(self) -> None:
        """A command begins: it takes a while until it can hold too much."""
        self._plan(self.last, 0.0)

    def pause(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self.due - time.monotonic())

    def exceeded(self) -> bool:
        """Look, if it is time to; whether the box holds more than it may."""
        began = time.monotonic()
        if began < self.due:
            return False
        before, self.last = self.last, self.held()
        # A box that does not grow may take its time: looks then cost a third of it at most.
        took = time.monotonic() - began if self.last <= before + _STILL else 0.0
        self._plan(self.last, took)
        return self.last > self.limit

    def _plan(self, held: int, took: float) -> None:
        wait = max((self.limit - held) / _FILL_RATE, _SOONEST, 2 * took)
        self.due = time.monotonic() + min(wait, _LATEST)

    def held(self) -> int:
        """Bytes held, or more; exact where that matters."""
        processes = box_processes()
        shared = _files() + _sockets()
        most = shared + sum(_address_space(pid) + _open_files(pid) for pid in processes)
        if most <= self.limit:
            return most
        told = shared + sum(_private(pid) + _open_files(pid) for pid in processes)
        if told <= self.limit:
            return told
        # Pages that processes share since a fork have been counted for each of them.
        return shared + sum(_private_once(pid) + _open_files(pid) for pid in processes)


def box_processes() -> list[str]:
    """The processes of the box, as /proc names them."""
    return [name for name in os.listdir("/proc") if name.isdigit()]


def alone() -> bool:
    """Whether no process lives in the box but its first."""
    return all(name == "1" or _state(name) in "ZX" for name in box_processes())


def _state(pid: str) -> str:
    told = _read(f"/proc/{pid}/stat")
    return told.rpartition(b")")[2].split()[0].decode() if told else "X"


def _files() -> int:
    """Files written in the box: its root's and /dev's (with shared memory in /dev/shm)."""
    total = 0
    for mount in ("/", "/dev"):
        told = os.statvfs(mount)
        total += (told.f_blocks - told.f_bfree) * told.f_frsize
    return total


def _sockets() -> int:
    """What sockets of the box's network may hold, those among them that are on their way."""
    total = 0
    for line in _read("/proc/1/net/sockstat").splitlines():
        words = line.split()
        if words[0] == b"sockets:":
            total += int(words[2]) * _PER_SOCKET
        elif words[0] == b"TCP:":
            total += int(words[2]) * _PER_TCP
    return total


def _address_space(pid: str) -> int:
    words = _read(f"/proc/{pid}/statm").split()
    return int(words[0]) * _PAGE if words else 0


def _open_files(pid: str) -> int:
    try:
        count = os.stat(f"/proc/{pid}/fd").st_size  # since Linux 6.2
        count = count or len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
    return max(0, count - _FREE_FILES) * _PER_FILE


def _private(pid: str) -> int:
    """Pages of the process's own, in memory or swapped out, and the tables for them."""
    return _kilobytes(f"/proc/{pid}/status", (b"RssAnon:", b"VmSwap:", b"VmPTE:"))


def _private_once(pid: str) -> int:
    """The same, with each page divided among the processes that share it."""
    found = _kilobytes(f"/proc/{pid}/smaps_rollup", (b"Pss_Anon:", b"SwapPss:"))
    return found or _private(pid)


def _kilobytes(path: str, names: tuple[bytes, ...]) -> int:
    total = 0
    for line in _read(path).splitlines():
        words = line.split()
        if words and words[0] in names:
            total += int(words[1]) << 10
    return total


def _read(path: str) -> bytes:
    """A file of /proc as a whole; b"" where its process is gone."""
    parts: list[bytes] = []
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        while part := os.read(descriptor, 1 << 16):
            parts.append(part)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return b"".join(parts)
