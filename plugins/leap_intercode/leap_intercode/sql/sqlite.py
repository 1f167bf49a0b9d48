"""The embedded store: SQLite with MySQL's meaning, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leap_core import EnvironmentFailure
from leap_intercode.sql.answer import Answer, Store
from leap_intercode.sql.dump import Database
from leap_intercode.sql.wire import unpacked

NOW = datetime(2023, 6, 1, 12, 0, 0)
"""What NOW() answers: a fixed moment, so that rewards do not depend on the day."""
MEGABYTES = 512
"""Address space of the process."""
_START_SECONDS = 60.0
_GRACE = 1.0
_LARGEST = 64 << 20


class _Gone(Exception):
    """The process is no more."""


class SqliteStore(Store):
    """The databases of a dump, in a process with limits that is started when it is needed."""

    def __init__(
        self, databases: Mapping[str, Database], now: datetime = NOW, megabytes: int = MEGABYTES
    ) -> None:
        self.databases, self.now, self.megabytes = databases, now, megabytes
        self._names = {name.lower() for name in databases}
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return (SqliteStore, (self.databases, self.now, self.megabytes))

    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Run a statement; one that takes too much time or memory ends with its process."""
        if database.lower() not in self._names:
            raise EnvironmentFailure(f"there is no database '{database}'")
        with self._lock:
            process = self._started()
            try:
                message = json.dumps([database, statement, seconds]).encode()
                _send(process, message)
                return unpacked(_receive(process, seconds + _GRACE))
            except (_Gone, OSError, ValueError):
                code = self._stop()
                if code == "late":
                    return Answer(error=_late(seconds), code=3024)
                return Answer(error="Out of memory: the statement was ended", code=1037)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():
            self._process = None  # a copy of the parent's, after fork: its pipes are not ours
        if self._process is not None and self._process.poll() is None:
            return self._process
        path = os.pathsep.join(part for part in sys.path if part)
        process = subprocess.Popen(
            [sys.executable, "-m", "leap_intercode.sql.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": path, "LANG": "C.UTF-8"},
            cwd="/",
        )
        self._process, self._owner = process, os.getpid()
        try:
            start = pickle.dumps((dict(self.databases), self.now.isoformat(), self.megabytes))
            _send(process, start)
            _receive(process, _START_SECONDS)
        except (_Gone, OSError) as error:
            self._stop()
            raise EnvironmentFailure("the process for SQL does not start") from error
        return process

    def _stop(self) -> str:
        """End the process; return "late" if it was still running, or its alarm ended it."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
        late = process.poll() in (None, -14)
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        return "late" if late else ""

    def facts(self) -> dict[str, Any]:
        """SQLite's version."""
        return {
            "store": "sqlite",
            "store_version": sqlite3.sqlite_version,
            "now": self.now.isoformat(),
        }

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self._stop()


def _late(seconds: float) -> str:
    return (
        "Query execution was interrupted, maximum statement execution time exceeded "
        f"({seconds:g} s)"
    )


def _send(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(len(data).to_bytes(4, "big") + data)
    process.stdin.flush()


def _receive(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    size = int.from_bytes(_read(process, 4, deadline), "big")
    if size > _LARGEST:
        raise _Gone
    return _read(process, size, deadline)


def _read(process: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
    assert process.stdout is not None
    handle = process.stdout.fileno()
    pieces: list[bytes] = []
    while size:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([handle], [], [], left)[0]:
            raise _Gone
        piece = os.read(handle, min(size, 1 << 20))
        if not piece:
            raise _Gone
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
