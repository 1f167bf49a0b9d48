"""What a statement is answered with, and where it is answered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from leap_intercode.sql.reward import Rows


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, or None where a statement has none; or an error, with MySQL's number for it."""

    rows: Rows | None = None
    error: str = ""
    code: int = 0

    @property
    def observation(self) -> Rows | str | None:
        """What upstream keeps as the observation."""
        return f"Error executing query: {self.error}" if self.error else self.rows


class Store(ABC):
    """Runs statements on named databases. Never for writing."""

    @abstractmethod
    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Run one statement; what is wrong with it is an answer, not an exception.

        Raises:
            EnvironmentFailure: there is no such database, or the server is gone.
        """

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return name and version, recorded with scores."""

    def close(self) -> None:
        """Let go of connections and processes."""
