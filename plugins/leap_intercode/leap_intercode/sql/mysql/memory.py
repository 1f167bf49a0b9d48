"""What SQLite is allowed, and tables as they lie in its memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from leap_intercode.sql.dump import Column, Index, Table
from leap_intercode.sql.mysql.collation import general_key
from leap_intercode.sql.mysql.kinds import INT, REAL, declared, rounded_single

LIMITS = ((0, 4 << 20), (1, 2 << 20), (2, 2000), (3, 500), (4, 300), (5, 5_000_000), (6, 127))
"""SQLite's run-time limits: bytes of a value, of a statement, columns, depth, compounds,
operations of a program, arguments."""
_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, 33})
"""33 is SQLITE_RECURSIVE, which Python 3.10 does not name."""
_BUILT_IN = frozenset(
    "count sum avg min max round abs coalesce ifnull row_number rank dense_rank ntile percent_rank "
    "cume_dist lag lead first_value last_value nth_value like".split()
)


def authorize(action: int, *names: Any) -> int:
    """Allow reading and our own functions, nothing else."""
    if action not in _READING:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION:
        name = str(names[1]).lower()
        return (
            sqlite3.SQLITE_OK
            if name.startswith("my_") or name in _BUILT_IN
            else sqlite3.SQLITE_DENY
        )
    return sqlite3.SQLITE_OK


def declaration(column: Column) -> str:
    """Return how SQLite declares a column."""
    kind = declared(column.type)
    if kind.name == INT:
        return "INTEGER"
    if kind.numeric:
        return "REAL"
    return "TEXT COLLATE general_ci"


def _ordered(table: Table) -> list[tuple[Any, ...]]:
    kinds = [declared(column.type) for column in table.columns]
    singles = [
        place
        for place, kind in enumerate(kinds)
        if kind.name == REAL and kind.single and kind.scale is None
    ]
    rows = table.rows
    if singles:
        rows = [
            tuple(
                rounded_single(value)
                if place in singles and isinstance(value, (int, float))
                else value
                for place, value in enumerate(row)
            )
            for row in rows
        ]
    primary = next((index for index in table.indexes if index.name == "PRIMARY"), None)
    return rows if primary is None else sorted(rows, key=_sort_key(table, primary))


def _sort_key(table: Table, index: Index) -> Callable[[tuple[Any, ...]], list[tuple[int, Any]]]:
    names = [column.name for column in table.columns]
    places = [names.index(name) for name in index.columns if name in names]
    return lambda row: [_sortable(row[place]) for place in places]


def ranked(table: Table) -> list[tuple[Any, ...]]:
    """Return a table's rows by primary key, each with its rank by every index."""
    rows = _ordered(table)
    ranks = [list(range(1, len(rows) + 1))]
    for index in table.indexes:
        key = _sort_key(table, index)
        order = sorted(range(len(rows)), key=lambda place: key(rows[place]))
        rank = [0] * len(rows)
        for number, place in enumerate(order, 1):
            rank[place] = number
        ranks.append(rank)
    return [(*row, *(rank[place] for rank in ranks)) for place, row in enumerate(rows)]


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    return (2, general_key(value)) if isinstance(value, str) else (1, value)
