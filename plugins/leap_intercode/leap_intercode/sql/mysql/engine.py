"""A server's worth of databases in SQLite's memory, answering MySQL's statements."""

from __future__ import annotations

import random
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from leap_intercode.sql.answer import Answer
from leap_intercode.sql.dump import Database
from leap_intercode.sql.mysql.aggregates import AGGREGATES
from leap_intercode.sql.mysql.block import Context
from leap_intercode.sql.mysql.collation import COMPARE
from leap_intercode.sql.mysql.date_formats import FUNCTIONS as FORMATS
from leap_intercode.sql.mysql.dates import FUNCTIONS as DATES
from leap_intercode.sql.mysql.errors import MysqlError, read_only, syntax
from leap_intercode.sql.mysql.grammar import tree_of
from leap_intercode.sql.mysql.kinds import converter
from leap_intercode.sql.mysql.lexer import prepared
from leap_intercode.sql.mysql.memory import LIMITS, authorize, declaration, ranked
from leap_intercode.sql.mysql.names import SCHEMA, Catalog
from leap_intercode.sql.mysql.numbers import FUNCTIONS as NUMBERS
from leap_intercode.sql.mysql.queries import Translator
from leap_intercode.sql.mysql.roworder import rank_column
from leap_intercode.sql.mysql.schema import information_schema
from leap_intercode.sql.mysql.show import VARIABLES, special
from leap_intercode.sql.mysql.texts import FUNCTIONS as TEXTS
from leap_intercode.sql.mysql.values import named
from leap_intercode.sql.mysql.words import WRITING

MOST_ROWS = 20_000
MOST_CHARACTERS = 8 << 20
"""Characters of a whole result."""
_FIRST = re.compile(r"[\s(]*(\w+)")
_TICKS = 1000
_REMEMBERED = 512


class Engine:
    """Answers statements about databases; nothing can change them.

    Attributes:
        databases: by name.
        now: what NOW() answers.
    """

    def __init__(self, databases: Mapping[str, Database], now: datetime) -> None:
        self.databases = {name.lower(): database for name, database in databases.items()}
        self.catalog = Catalog({**self.databases, SCHEMA: information_schema(self.databases)})
        self.now = now
        self._loaded: set[tuple[str, str]] = set()
        self._failure: MysqlError | None = None
        self._variables: dict[str, Any] = {}
        self._deadline = 0.0
        self._connection = self._connect()
        self._translated = lru_cache(maxsize=_REMEMBERED)(self._translate)

    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Answer one statement."""
        self._failure = None
        self._deadline = time.monotonic() + seconds
        try:
            return self._run(database, statement)
        except MysqlError as error:
            return Answer(error=error.sentence, code=error.code)
        except sqlite3.Error as error:
            return self._failed(error, seconds)
        except MemoryError:
            return Answer(error="Out of memory; the statement was ended", code=1037)
        except RecursionError:
            return Answer(
                error="Thread stack overrun: the statement is nested too deeply", code=1436
            )
        except (UnicodeError, ArithmeticError, ValueError) as error:
            return Answer(error=f"the statement cannot be run: {error}", code=1105)

    def _failed(self, error: sqlite3.Error, seconds: float) -> Answer:
        if self._failure is not None:
            return Answer(error=self._failure.sentence, code=self._failure.code)
        if "interrupted" in str(error):
            return Answer(
                error="Query execution was interrupted, maximum statement execution time exceeded "
                f"({seconds:g} s)",
                code=3024,
            )
        if "integer overflow" in str(error):
            return Answer(error="BIGINT value is out of range", code=1690)
        return Answer(error=f"the statement cannot be run: {error}", code=1105)

    def _run(self, database: str, statement: str) -> Answer:
        plain = prepared(statement)
        found = _FIRST.match(plain)
        first = found[1].upper() if found else ""
        if first in WRITING:
            raise read_only()
        explained = first in ("EXPLAIN", "DESC", "DESCRIBE") and _is_query(plain)
        if first in ("SHOW", "DESC", "DESCRIBE", "EXPLAIN", "USE") and not explained:
            rows = special(statement, plain, self.catalog, database, self._kept)
            return Answer(rows, "" if rows is not None else "No result set to fetch from", 0)
        if explained:
            return self._explained(database, statement, plain)
        if first not in ("SELECT", "WITH", "TABLE", "VALUES"):
            start = len(plain) - len(plain.lstrip())
            raise syntax(statement, start)
        sql, converters, used = self._translated(database.lower(), statement, plain)
        for name, table in used:
            self._load(name, table)
        return self._fetch(sql, converters)

    def _kept(self, rows: list[tuple[Any, ...]], names: Sequence[str], condition: str) -> Any:
        """Return the rows of SHOW that its WHERE keeps, by a query over them."""
        if not rows:
            return rows
        selects = [
            "SELECT "
            + ", ".join(f"{_written(v)} AS `{n}`" for v, n in zip(row, names, strict=False))
            for row in rows
        ]
        statement = f"SELECT * FROM ({' UNION ALL '.join(selects)}) t WHERE {condition}"
        sql, converters, _ = self._translate(SCHEMA, statement, prepared(statement))
        return self._fetch(sql, converters).rows

    def _explained(self, database: str, statement: str, plain: str) -> Answer:
        """Return a row for each table that a query reads: nothing is told of how."""
        start = min(
            place for place in (plain.upper().find(w) for w in ("SELECT", "WITH")) if place >= 0
        )
        blank = " " * start
        _, _, used = self._translate(
            database.lower(), blank + statement[start:], blank + plain[start:]
        )
        tables = [self.catalog.table(*one) for one in sorted(used)]
        return Answer(
            [
                (
                    1,
                    "SIMPLE",
                    t.name.lower(),
                    None,
                    "ALL",
                    None,
                    None,
                    None,
                    None,
                    len(t.rows),
                    100.0,
                    None,
                )
                for t in tables
            ]
            or [(1, "SIMPLE", *[None] * 9, "No tables used")]
        )

    def _fetch(self, sql: str, converters: list[Any]) -> Answer:
        connection = self._connection
        connection.set_progress_handler(lambda: time.monotonic() > self._deadline, _TICKS)
        try:
            rows: list[tuple[Any, ...]] = []
            size = 0
            for row in connection.execute(sql):
                size += sum(len(value) for value in row if isinstance(value, (str, bytes))) + len(
                    row
                )
                if len(rows) >= MOST_ROWS:
                    raise MysqlError(1105, f"the result has more than {MOST_ROWS:,} rows")
                if size > MOST_CHARACTERS:
                    raise MysqlError(
                        1105, f"the result has more than {MOST_CHARACTERS:,} characters"
                    )
                rows.append(row)
        finally:
            connection.set_progress_handler(None, 0)
        busy = [(place, convert) for place, convert in enumerate(converters) if convert]
        if not busy:
            return Answer(rows)
        made = []
        for row in rows:
            values = list(row)
            for place, convert in busy:
                values[place] = convert(values[place])
            made.append(tuple(values))
        return Answer(made)

    def _translate(
        self, database: str, statement: str, plain: str
    ) -> tuple[str, list[Any], frozenset[tuple[str, str]]]:
        self.catalog.database(database)
        tree = tree_of(statement, plain)
        facts = {
            **VARIABLES, "now": f"{self.now:%Y-%m-%d %H:%M:%S}", "today": f"{self.now:%Y-%m-%d}",
            "clock": f"{self.now:%H:%M:%S}", "user": "reader@localhost", "connection_id": 1,
            "found_rows": 0, "last_insert_id": 0, "row_count": -1,
        }  # fmt: skip
        translator = Translator(statement)
        context = Context(self.catalog, database, translator, facts)
        query = translator(tree, context, None)
        converters = [converter(column.kind) for column in query.columns]
        return query.sql, converters, frozenset(context.used)

    # -- SQLite -----------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        for name, compare in COMPARE.items():
            connection.create_collation(name, compare)
        for name, (count, function) in {**NUMBERS, **TEXTS, **DATES, **FORMATS}.items():
            connection.create_function(name, count, self._guarded(function), deterministic=True)
        for name, (count, kind) in AGGREGATES.items():
            connection.create_aggregate(name, count, kind)
        chance = random.Random(0)
        connection.create_function("my_rand", 0, chance.random)
        connection.create_function("my_fail", 1, self._guarded(_fail))
        connection.create_function("my_assign", 2, self._assign)
        connection.create_function("my_variable", 1, self._variables.get)
        connection.create_function("my_sleep", 1, self._sleep)
        # Indexes made for one query lose rows whose texts only our collations call equal.
        connection.execute("PRAGMA automatic_index = OFF")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        if hasattr(connection, "setlimit"):
            for category, limit in LIMITS:
                connection.setlimit(category, limit)
        connection.set_authorizer(authorize)
        return connection

    def _guarded(self, function: Any) -> Any:
        """Return a function whose errors are kept for the answer."""

        def called(*values: Any) -> Any:
            try:
                return function(*values)
            except MysqlError as error:
                self._failure = error
                raise
            except (OverflowError, ValueError, TypeError, ArithmeticError):
                return None

        return called

    def _assign(self, name: str, value: Any) -> Any:
        self._variables[name] = value
        return value

    def _sleep(self, seconds: Any) -> int:
        until = min(time.monotonic() + float(seconds or 0), self._deadline)
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))
        return 0

    def _load(self, database: str, name: str) -> None:
        """Put a table into SQLite, its rows in the order of its primary key."""
        if (database, name) in self._loaded:
            return
        table = self.catalog.table(database, name)
        label = f"{database}.{name}"
        connection = self._connection
        connection.set_authorizer(None)
        try:
            columns = [f"{named(c.name)} {declaration(c)}" for c in table.columns]
            columns += [f"{rank_column(place)} INTEGER" for place in range(-1, len(table.indexes))]
            connection.execute("BEGIN")
            connection.execute(f"CREATE TABLE {named(label)} ({', '.join(columns)})")
            marks = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO {named(label)} VALUES ({marks})", ranked(table))
            for index in table.indexes:
                listed = ", ".join(named(c) for c in index.columns)
                connection.execute(
                    f"CREATE INDEX {named(f'{label} {index.name}')} ON {named(label)} ({listed})"
                )
            connection.execute("COMMIT")
        finally:
            connection.set_authorizer(authorize)
        self._loaded.add((database, name))

    def close(self) -> None:
        """Let SQLite's memory go."""
        self._connection.close()


def _fail(code: int) -> None:
    raise MysqlError(code, "Subquery returns more than 1 row")


def _is_query(plain: str) -> bool:
    words = plain.split(None, 3)[1:3]
    return any(
        word.upper().lstrip("(") in ("SELECT", "WITH", "FORMAT", "ANALYZE") for word in words
    )


def _written(value: Any) -> str:
    """Return a value as a literal of MySQL's."""
    if value is None or isinstance(value, (int, float)):
        return "NULL" if value is None else str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"
