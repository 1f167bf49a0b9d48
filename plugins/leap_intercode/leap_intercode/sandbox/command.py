"""One command in a box, from outside: its output, its end, its limits."""

from __future__ import annotations

import binascii
import os
import select
import time
from collections.abc import Callable
from typing import Any

_TICK = 0.05
LATE_OUTPUT = 2.0
"""How long a container engine waits for the output of what a command left behind."""


class Hangup(Exception):
    """LEAP has closed the box."""


class Watch:
    """Follows a command until its end, its time limit, or the box's.

    `look` is called often; it says whether the box held too much memory and was emptied.
    """

    def __init__(self, child: int, reader: int, limit: int, look: Callable[[], bool]) -> None:
        self.child, self.reader, self.look = child, reader, look
        os.set_blocking(reader, False)
        self.output = Output(reader, limit)
        self.status: int | None = None
        self.killed = self.timed_out = False

    def follow(self, deadline: float, pause: Callable[[], float], connection: int) -> None:
        """Read its output until there is no more of it to come, or time is up.

        Raises:
            Hangup: LEAP closed the box meanwhile.
        """
        poll = select.poll()
        poll.register(self.reader, select.POLLIN)
        poll.register(connection, select.POLLRDHUP)
        while (now := time.monotonic()) < deadline:
            wait = min(_TICK, deadline - now, max(pause(), 0.001))
            for descriptor, _ in poll.poll(wait * 1000):
                if descriptor == connection:
                    raise Hangup
            self.killed = self.look() or self.killed
            if not self.output.read():
                self._wait(deadline)
                break
            if self.status is None and self._ended():
                # Background jobs hold the output open.
                deadline = min(deadline, time.monotonic() + LATE_OUTPUT)
        self.timed_out = self.status is None

    def _wait(self, deadline: float) -> None:
        """Wait for a command that closed its output; most end at once."""
        wait = 0.0002
        while not self._ended() and time.monotonic() < deadline:
            time.sleep(wait)
            wait = min(2 * wait, _TICK)
            self.killed = self.look() or self.killed

    def _ended(self) -> bool:
        if self.status is None:
            found, status = os.waitpid(self.child, os.WNOHANG)
            if found:
                self.status = status
        return self.status is not None

    def reap(self, seconds: float) -> None:
        """Take leave of a command that has been killed."""
        self._wait(time.monotonic() + seconds)
        self.output.read()

    def reply(self) -> dict[str, Any]:
        """What LEAP is told."""
        code = (
            124 if self.timed_out or self.status is None else os.waitstatus_to_exitcode(self.status)
        )
        return {
            "code": code,
            "output": self.output.text(),
            "timed_out": self.timed_out,
            "cut": self.output.cut,
            "killed": self.killed,
        }


class Output:
    """What a command writes, up to a limit."""

    def __init__(self, reader: int, limit: int) -> None:
        self.reader, self.limit = reader, limit
        self.parts: list[bytes] = []
        self.size = 0
        self.cut = False

    def read(self) -> bool:
        """Read all that is there; False at the end of the output."""
        for _ in range(64):
            try:
                block = os.read(self.reader, 1 << 16)
            except BlockingIOError:
                return True
            if not block:
                return False
            self.cut = self.cut or self.size + len(block) > self.limit
            block = block[: max(0, self.limit - self.size)]
            self.size += len(block)
            if block:
                self.parts.append(block)
        return True

    def text(self) -> str:
        """All of it, in base64."""
        return binascii.b2a_base64(b"".join(self.parts), newline=False).decode()
