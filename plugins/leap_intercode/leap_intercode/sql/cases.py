"""Statements with the answers that a MariaDB server gave, compared with a store's.

Numbers are equal if they differ by a billionth, dates and times are compared as MySQL writes them.
Where MySQL 8.0 is known to answer otherwise than MariaDB 10.11, its answer is right; those are
counted as equal and told apart: ONLY_FULL_GROUP_BY, ANY_VALUE, VERSION(), the wording of SHOW
CREATE TABLE, display widths of integers, and the estimates of SHOW INDEX.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from leap_core import DataError
from leap_intercode.sql.answer import Answer, Store

_CLOSE = 1e-9
_SECONDS = 60.0
_WIDTH = re.compile(r"\b((?:tiny|small|medium|big)?int)\(\d+\)")
_KEPT_OF_INDEX = 6
"""Columns of SHOW INDEX that are no estimates and that both servers have."""


@dataclass(frozen=True, slots=True)
class Case:
    """A statement and its answer: rows, or an error's text."""

    database: str
    sql: str
    rows: list[list[Any]] | None
    error: str


@dataclass(slots=True)
class Comparison:
    """How many answers agree."""

    equal: int = 0
    order_only: int = 0
    different: int = 0
    errors: int = 0
    as_mysql_8: int = 0
    named: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many were compared."""
        return self.equal + self.order_only + self.different + self.errors

    def add(self, case: Case, answer: Answer, server: str) -> None:
        """Count a case; `server` is the store's name."""
        verdict = compared(case, answer)
        if verdict != "equal" and server == "sqlite" and _as_mysql_8(case, answer):
            verdict = "equal"
            self.as_mysql_8 += 1
        setattr(self, verdict, getattr(self, verdict) + 1)
        if verdict != "equal":
            self.named.append((verdict, case.database, case.sql))


def read_cases(path: Path) -> list[Case]:
    """Read a file of cases: an object a line with database, sql, and rows or error.

    Raises:
        DataError: it is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error
    return [_case(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _case(path: Path, number: int, line: str) -> Case:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise DataError(f"'{path}', line {number}: no JSON: {error}") from error
    if not isinstance(found, dict) or not all(
        isinstance(found.get(k), str) for k in ("database", "sql")
    ):
        raise DataError(f"'{path}', line {number}: no object with the texts database and sql")
    rows, told = found.get("rows"), found.get("error")
    if isinstance(told, str) == isinstance(rows, list):
        raise DataError(
            f"'{path}', line {number}: either rows (a list) or error (a text) is needed"
        )
    return Case(found["database"], found["sql"], rows, told or "")


def run_cases(store: Store, cases: Sequence[Case]) -> Iterator[tuple[Case, Answer]]:
    """Yield each case with the store's answer."""
    for case in cases:
        yield case, store.run(case.database, case.sql, _SECONDS)


def compared(case: Case, answer: Answer) -> str:
    """Return "equal", "order_only", "different", or "errors" where only one is an error."""
    if case.rows is None or answer.error:
        return "equal" if case.rows is None and answer.error else "errors"
    ours = [[plain(value) for value in row] for row in answer.rows or []]
    theirs = [[plain(value) for value in row] for row in case.rows]
    if re.match(r"\s*show\s+(?:index|indexes|keys)\b", case.sql, re.IGNORECASE):
        ours, theirs = ([row[:_KEPT_OF_INDEX] for row in rows] for rows in (ours, theirs))
    if same_rows(ours, theirs):
        return "equal"
    return "order_only" if same_bags(ours, theirs) else "different"


def same_rows(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]]) -> bool:
    """Whether rows are equal one by one."""
    return len(ours) == len(theirs) and all(map(_same_row, ours, theirs))


def same_bags(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]]) -> bool:
    """Whether rows are equal in some order."""
    return same_rows(sorted(ours, key=_sortable), sorted(theirs, key=_sortable))


def _sortable(row: Sequence[Any]) -> list[tuple[str, Any]]:
    return [("n", round(v, 6)) if isinstance(v, (int, float)) else ("t", str(v)) for v in row]


def _same_row(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(map(_same, one, other))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return bool(one == other or abs(one - other) <= _CLOSE * max(abs(one), abs(other)))
    return bool(one == other)


def plain(value: Any) -> Any:
    """Return a value as JSON has it, and as both servers would write it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return str(value)
    if isinstance(value, timedelta):
        seconds = round(abs(value.total_seconds()))
        sign = "-" if value < timedelta(0) else ""
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _WIDTH.sub(r"\1", value)
    return value


def _as_mysql_8(case: Case, answer: Answer) -> bool:
    """Whether an answer differs from MariaDB's as MySQL 8.0 is known to differ."""
    sql = case.sql.lower()
    if answer.code in (1055, 1140, 3065):
        return True
    if "any_value" in sql and "any_value" in case.error.lower():
        return True
    if "version()" in sql and not answer.error:
        return True
    if re.match(r"\s*show\s+create\s+table\b", sql) and answer.rows and case.rows:
        return _table(str(answer.rows[0][-1])) == _table(str(case.rows[0][-1]))
    return False


def _table(text: str) -> str:
    """Return CREATE TABLE without what the two servers word differently."""
    text = re.sub(r" (?:CHARACTER SET \w+ )?COLLATE \w+", "", _WIDTH.sub(r"\1", text))
    text = re.sub(r"DEFAULT '(-?[\d.]+)'", r"DEFAULT \1", text)
    return text.partition("\n)")[0]
