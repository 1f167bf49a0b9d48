"""Paid answers on disk: what was answered once is never bought again.

The file also knows which requests are under way, and which answers no ledger has recorded yet, so
that a run which was killed can pick up both.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from leap_core import RunFolderError

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, purpose TEXT NOT NULL, time REAL NOT NULL,
    answer TEXT NOT NULL, owner TEXT
);
CREATE INDEX IF NOT EXISTS owned ON answers (owner);
CREATE TABLE IF NOT EXISTS couriers (
    pid INTEGER, owner TEXT, until REAL, PRIMARY KEY (pid, owner)
);
"""
_OWNED = "SELECT key, model, purpose, answer FROM answers WHERE owner = ? ORDER BY time"


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came. `cost` is in US dollars, None where the price or the use is unknown."""

    text: str
    complete: bool
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    prompt_log_likelihood: float | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer with what it was for."""

    key: str
    model: str
    purpose: str
    received: Received


class AnswerCache:
    """Answers by the hash of the full request; shared by processes.

    An answer is on disk when `put` returns, and survives the process being killed. Neither
    prompts nor keys are stored. `owner` is the path of the ledger that records an answer.

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
            self._db.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise RunFolderError(f"cannot use the cache of answers {self.path}: {error}") from error

    def get(self, key: str) -> Received | None:
        """The answer that was put under `key`, or None."""
        row = self._db.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else Received(**json.loads(row[0]))

    def put(self, batch: Sequence[tuple[Stored, str | None]]) -> None:
        """Keep answers, each with the owner who pays it; the first one under a key stays."""
        now = time.time()
        rows = [
            (s.key, s.model, s.purpose, now, json.dumps(asdict(s.received)), owner)
            for s, owner in batch
        ]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def answers_of(self, owner: str) -> list[Stored]:
        """All answers that `owner` pays."""
        rows = self._db.execute(_OWNED, (owner,))
        return [Stored(k, m, p, Received(**json.loads(answer))) for k, m, p, answer in rows]

    def at_work(self, owner: str, seconds: float) -> None:
        """This process has requests of `owner` under way, for the next `seconds` at most."""
        row = (os.getpid(), owner, time.time() + seconds)
        self._db.execute("INSERT OR REPLACE INTO couriers VALUES (?, ?, ?)", row)

    def done_working(self) -> None:
        """This process has no requests under way any more."""
        self._db.execute("DELETE FROM couriers WHERE pid = ?", (os.getpid(),))

    def others_at_work(self, owner: str, but: int) -> bool:
        """Whether a living process, other than `but`, has requests of `owner` under way."""
        rows = self._db.execute("SELECT pid, until FROM couriers WHERE owner = ?", (owner,))
        return any(pid != but and until > time.time() and is_alive(pid) for pid, until in rows)

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        self._db.close()


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
