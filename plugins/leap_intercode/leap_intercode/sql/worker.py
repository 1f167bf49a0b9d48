"""The process in which SQLite runs: limited in memory and time, and killed where it passes them.

It reads the databases from its standard input, then statements, and writes answers. An alarm of the
kernel's ends it if a statement takes much longer than allowed, whatever it is doing; the end of its
input ends it, too.
"""

from __future__ import annotations

import json
import pickle
import resource
import signal
import struct
import sys
from datetime import datetime
from math import ceil
from typing import BinaryIO

from leap_intercode.sql.answer import Answer
from leap_intercode.sql.mysql.engine import Engine
from leap_intercode.sql.wire import packed

_HEAD = struct.Struct("!I")
GRACE = 2
"""Seconds after the time of a statement, in which SQLite may end it by itself."""


def read(stream: BinaryIO) -> bytes | None:
    """Return the next message; None at the end."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    (size,) = _HEAD.unpack(head)
    data = stream.read(size)
    return data if len(data) == size else None


def write(stream: BinaryIO, data: bytes) -> None:
    """Write a message."""
    stream.write(_HEAD.pack(len(data)) + data)
    stream.flush()


def _limited(megabytes: int) -> None:
    size = megabytes << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> None:
    """Answer statements until the input ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    start = read(source)
    if start is None:
        return
    # From the parent process, which reads nothing back but JSON.
    databases, now, megabytes = pickle.loads(start)  # noqa: S301
    _limited(megabytes)
    engine = Engine(databases, datetime.fromisoformat(now))
    write(sink, b"ready")
    while (message := read(source)) is not None:
        database, statement, seconds = json.loads(message)
        signal.alarm(ceil(seconds) + GRACE)
        try:
            data = packed(engine.run(database, statement, seconds))
        except MemoryError:
            data = packed(Answer(error="Out of memory", code=1037))
        signal.alarm(0)
        write(sink, data)


if __name__ == "__main__":
    main()
