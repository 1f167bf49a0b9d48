"""What a statement is answered with."""

from __future__ import annotations

from dataclasses import dataclass

from leap_intercode.sql.reward import Rows


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, or None where a statement has none; or an error, with MySQL's number where it has one."""

    rows: Rows | None = None
    error: str = ""
    code: int = 0

    @property
    def observation(self) -> Rows | str | None:
        """What upstream keeps as the observation."""
        return f"Error executing query: {self.error}" if self.error else self.rows
