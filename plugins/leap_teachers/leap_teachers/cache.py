"""Paid answers on disk: what was answered once is never bought again."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from leap_core import RunFolderError

_TABLE = (
    "CREATE TABLE IF NOT EXISTS answers "
    "(key TEXT PRIMARY KEY, model TEXT NOT NULL, time REAL NOT NULL, answer TEXT NOT NULL)"
)


class AnswerCache:
    """Answers by the hash of the full request; shared by processes.

    An answer is on disk when `put` returns, and survives the process being killed. Neither
    prompts nor keys are stored.

    Raises:
        RunFolderError: the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "answers.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise RunFolderError(f"cannot use the cache of answers {self.path}: {error}") from error

    def get(self, key: str) -> dict[str, Any] | None:
        """The answer that was put under `key`, or None."""
        row = self._db.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def put(self, key: str, model: str, answer: dict[str, Any]) -> None:
        """Keep an answer; the first one under a key stays."""
        row = (key, model, time.time(), json.dumps(answer))
        self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?)", row)

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        self._db.close()
