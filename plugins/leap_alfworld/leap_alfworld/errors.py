"""Errors of the game engine, free of any framework."""

from __future__ import annotations


class GameFileError(ValueError):
    """A game file that cannot be played; the message names the file and says why.

    Attributes:
        path: the file, as it was given.
        why: what is wrong, in a few words.
        reason: a short label to count by ("unreadable", "not JSON", "unsolvable" …).
    """

    def __init__(self, path: str, reason: str, why: str) -> None:
        super().__init__(path, reason, why)
        self.path = path
        self.reason = reason
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"
