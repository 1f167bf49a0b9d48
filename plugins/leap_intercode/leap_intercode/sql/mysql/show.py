"""SHOW, DESCRIBE, EXPLAIN and USE, answered from the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from leap_intercode.sql.dump import Column, Table
from leap_intercode.sql.mysql.errors import (
    syntax,
    unknown_database,
    unsupported,
)
from leap_intercode.sql.mysql.lexer import text_of
from leap_intercode.sql.mysql.names import Catalog
from leap_intercode.sql.mysql.schema import SYSTEM
from leap_intercode.sql.mysql.texts import GENERAL, like
from leap_intercode.sql.mysql.words import RESERVED

Rows = list[tuple[Any, ...]]
VARIABLES = {
    "autocommit": "ON",
    "character_set_server": "utf8mb4",
    "collation_connection": "utf8mb4_general_ci",
    "lower_case_table_names": "1",
    "max_allowed_packet": "67108864",
    "sql_mode": "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    "version": "8.0.32",
}
"""What the server tells of itself."""
_WORD = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|[\w$]+|\S", re.S)
_EMPTY = frozenset(("WARNINGS", "ERRORS", "TRIGGERS", "EVENTS", "PROCESSLIST", "PLUGINS"))


class _Reader:
    """Reads a statement word by word."""

    def __init__(self, text: str, plain: str, keep: Keep) -> None:
        self.text, self.plain, self.keep = text, plain, keep
        self.words = [(m.group(), m.start()) for m in _WORD.finditer(plain)]
        self.place = 0

    def peek(self) -> str:
        return self.words[self.place][0].upper() if self.place < len(self.words) else ""

    def take(self, *options: str) -> str:
        """Return the next word if it is one of these, else "" and stay."""
        word = self.peek()
        if word in options:
            self.place += 1
            return word
        return ""

    def need(self, *options: str) -> str:
        """Return the next word, which must be one of these."""
        return self.take(*options) or self.fail()

    def name(self) -> str:
        """Return the next word as a name."""
        if self.place >= len(self.words):
            self.fail()
        word = self.words[self.place][0]
        if word[0] == "`":
            found = text_of(word)
        elif re.fullmatch(r"[\w$]+", word) and word.upper() not in RESERVED and not word.isdigit():
            found = word
        else:
            self.fail()
        self.place += 1
        return found

    def string(self) -> str:
        """Return the next word as a text."""
        if self.place >= len(self.words) or self.words[self.place][0][0] not in "'\"":
            self.fail()
        self.place += 1
        return text_of(self.words[self.place - 1][0])

    def end(self) -> None:
        """Refuse what is left."""
        if self.place < len(self.words):
            self.fail()

    def fail(self) -> Any:
        """Refuse the statement here."""
        at = self.words[self.place][1] if self.place < len(self.words) else len(self.text)
        raise syntax(self.text, at)


Keep = Callable[[Rows, Sequence[str], str], Rows]
"""Keeps the rows, of columns with these names, for which a condition holds."""


def special(text: str, plain: str, catalog: Catalog, database: str, keep: Keep) -> Rows | None:
    """Answer SHOW, DESCRIBE or USE; None for USE, which has no rows.

    Raises:
        MysqlError: the statement is refused.
    """
    reader = _Reader(text, plain, keep)
    word = reader.need("SHOW", "DESC", "DESCRIBE", "EXPLAIN", "USE")
    if word == "USE":
        name = reader.name()
        reader.end()
        if name.lower() not in (*catalog.databases, *SYSTEM):
            raise unknown_database(name)
        return None
    if word != "SHOW":
        return _described(reader, catalog, database)
    reader.take("EXTENDED")
    full = bool(reader.take("FULL"))
    what = reader.peek()
    if not what:
        reader.fail()
    reader.place += 1
    if what == "TABLES":
        return _tables(reader, catalog, database, full)
    if what in ("COLUMNS", "FIELDS"):
        return _columns(reader, catalog, database, full)
    if what in ("INDEX", "INDEXES", "KEYS"):
        return _indexes(reader, catalog, database)
    if what in ("DATABASES", "SCHEMAS"):
        found: Rows = [(name,) for name in sorted({*catalog.databases, *SYSTEM})]
        return _kept(reader, found, ["Database"])
    if what == "CREATE":
        return _created(reader, catalog, database)
    if what in _EMPTY:
        return []
    if what == "VARIABLES" or (what in ("GLOBAL", "SESSION") and reader.take("VARIABLES")):
        return _kept(reader, list(VARIABLES.items()), ["Variable_name", "Value"])
    reader.place -= 1
    if what in ("TABLE", "STATUS", "GRANTS", "ENGINES", "CHARACTER", "COLLATION",
                "GLOBAL", "SESSION", "PROCEDURE", "FUNCTION", "PRIVILEGES", "OPEN"):  # fmt: skip
        raise unsupported(f"SHOW {what}")
    reader.fail()
    return None


def _kept(reader: _Reader, rows: Rows, names: Sequence[str]) -> Rows:
    """Return the rows that LIKE (on the first column) or WHERE keeps."""
    if reader.take("LIKE"):
        pattern = reader.string()
        rows = [row for row in rows if like(row[0], pattern, "\\", GENERAL)]
    elif reader.peek() == "WHERE":
        start = reader.words[reader.place][1] + len("WHERE")
        return reader.keep(rows, names, reader.plain[start:].rstrip("; \n"))
    reader.end()
    return rows


def _from(reader: _Reader, database: str) -> str:
    return reader.name() if reader.take("FROM", "IN") else database


def _named_table(reader: _Reader, catalog: Catalog, database: str) -> tuple[str, Table]:
    name = reader.name()
    if reader.take("."):
        database, name = name, reader.name()
    database = _from(reader, database) if reader.peek() in ("FROM", "IN") else database
    if database.lower() not in catalog.databases:
        raise unknown_database(database)
    return database.lower(), catalog.table(database, name)


def _tables(reader: _Reader, catalog: Catalog, database: str, full: bool) -> Rows:
    database = _from(reader, database)
    names = sorted(name.lower() for name in catalog.database(database).tables)
    rows: Rows = [(name, "BASE TABLE") if full else (name,) for name in names]
    return _kept(reader, rows, [f"Tables_in_{database}", "Table_type"])


def _columns(reader: _Reader, catalog: Catalog, database: str, full: bool) -> Rows:
    reader.need("FROM", "IN")
    _, table = _named_table(reader, catalog, database)
    rows = [described(column) for column in table.columns]
    names = ["Field", "Type", "Null", "Key", "Default", "Extra"]
    if full:
        names[2:2], names[7:] = ["Collation"], ["Privileges", "Comment"]
        rows = [
            (*row[:2], "utf8mb4_general_ci" if "char" in row[1] or "text" in row[1] else None,
             *row[2:], "select,insert,update,references", "")
            for row in rows
        ]  # fmt: skip
    return _kept(reader, rows, names)


def described(column: Column) -> tuple[Any, ...]:
    """Return a column as DESCRIBE shows it."""
    null = "YES" if column.null else "NO"
    return (column.name, column.type, null, column.key, column.default, column.extra)


def _described(reader: _Reader, catalog: Catalog, database: str) -> Rows:
    _, table = _named_table(reader, catalog, database)
    columns = table.columns
    if reader.place < len(reader.words):
        wild = reader.words[reader.place][0][0] in "'\""
        wanted = reader.string() if wild else reader.name()
        reader.end()
        columns = [
            c for c in columns
            if (like(c.name, wanted, "\\", GENERAL) if wild else c.name.lower() == wanted.lower())
        ]  # fmt: skip
    return [described(column) for column in columns]


def _indexes(reader: _Reader, catalog: Catalog, database: str) -> Rows:
    reader.need("FROM", "IN")
    _, table = _named_table(reader, catalog, database)
    reader.end()
    rows: Rows = []
    nullable = {column.name: column.null for column in table.columns}
    for index in table.indexes:
        for place, column in enumerate(index.columns, 1):
            at = [i for i, c in enumerate(table.columns) if c.name in index.columns[:place]]
            different = len({tuple(row[i] for i in at) for row in table.rows})
            null = "YES" if nullable.get(column) else ""
            rows.append(
                (table.name.lower(), int(not index.unique), index.name, place, column, "A",
                 different, None, None, null, "BTREE", "", "", "YES", None)
            )  # fmt: skip
    return rows


def _created(reader: _Reader, catalog: Catalog, database: str) -> Rows:
    if reader.take("DATABASE", "SCHEMA"):
        name = reader.name()
        reader.end()
        catalog.database(name)
        made = (
            f"CREATE DATABASE `{name}` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE "
            "utf8mb4_general_ci */ /*!80016 DEFAULT ENCRYPTION='N' */"
        )
        return [(name, made)]
    reader.need("TABLE")
    _, table = _named_table(reader, catalog, database)
    reader.end()
    return [(table.name.lower(), table.create)]
