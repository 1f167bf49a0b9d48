"""Where queries run: SQLite in memory, or a MySQL or MariaDB server. Never for writing."""

from __future__ import annotations

import os
import re
import sqlite3
import time
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from leap_core import ConfigError, EnvironmentFailure, MissingExtra
from leap_intercode.sql.dialect import to_sqlite
from leap_intercode.sql.dump import Column, Database
from leap_intercode.sql.reward import Rows

PASSWORD_VARIABLE = "INTERCODE_SQL_PASSWORD"
_TICKS = 2000
_MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, or None where a statement has none; or an error."""

    rows: Rows | None = None
    error: str = ""

    @property
    def observation(self) -> Rows | str | None:
        """What upstream keeps as the observation."""
        return f"Error executing query: {self.error}" if self.error else self.rows


class Store(ABC):
    """Runs statements on named databases."""

    @abstractmethod
    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Run one statement; what is wrong with it is an answer, not an exception.

        Raises:
            EnvironmentFailure: there is no such database, or the server is gone.
        """

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Name and version, recorded with scores."""

    def close(self) -> None:
        """Let go of connections."""


class SqliteStore(Store):
    """The databases of a dump, in memory."""

    def __init__(self, databases: Mapping[str, Database]) -> None:
        self.databases = databases
        self._open: dict[str, sqlite3.Connection] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return (SqliteStore, (self.databases,))

    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Run a statement, with MySQL's SHOW and DESCRIBE understood."""
        connection = self._connection(database)
        special = self._special(database, statement)
        if special is not None:
            return special
        deadline = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _TICKS)
        try:
            cursor = connection.execute(to_sqlite(statement, self.databases[database]))
            if cursor.description is None:
                return Answer()
            rows = cursor.fetchmany(_MOST_ROWS + 1)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            late = "interrupted" in str(error)
            return Answer(error=f"the query took more than {seconds:g} s" if late else str(error))
        finally:
            connection.set_progress_handler(None, 0)
        if len(rows) > _MOST_ROWS:
            return Answer(error=f"the result has more than {_MOST_ROWS:,} rows")
        return Answer([tuple(row) for row in rows])

    def _connection(self, name: str) -> sqlite3.Connection:
        if name not in self.databases:
            raise EnvironmentFailure(f"there is no database '{name}'")
        if name not in self._open:
            self._open[name] = _fill(self.databases[name])
        return self._open[name]

    def _special(self, database: str, statement: str) -> Answer | None:
        words = statement.strip().rstrip(";").replace("`", "").split()
        lower = [word.lower() for word in words]
        tables = self.databases[database].tables
        if lower == ["show", "tables"]:
            return Answer([(name,) for name in sorted(tables)])
        if lower == ["show", "databases"]:
            return Answer([(name,) for name in sorted(self.databases)])
        if lower[:1] == ["use"] and len(words) == 2:
            return Answer()
        asks = lower[:1] in (["describe"], ["desc"]) and len(words) == 2
        if asks or (lower[:2] == ["show", "columns"] and len(words) == 4):
            name = words[-1].rpartition(".")[2]
            table = next((t for n, t in tables.items() if n.lower() == name.lower()), None)
            if table is None:
                return Answer(error=f"Table '{database}.{name}' doesn't exist")
            return Answer([_described(column) for column in table.columns])
        return None

    def facts(self) -> dict[str, Any]:
        """SQLite's version."""
        return {"store": "sqlite", "store_version": sqlite3.sqlite_version}

    def close(self) -> None:
        """Close all connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


def _described(column: Column) -> tuple[Any, ...]:
    null = "YES" if column.null else "NO"
    return (column.name, column.type, null, column.key, column.default, column.extra)


def _fill(database: Database) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.create_collation("general_ci", _compare)
    for table in database.tables.values():
        kinds = {"integer": "INTEGER", "real": "REAL", "text": "TEXT COLLATE general_ci"}
        columns = ", ".join(f'"{c.name}" {kinds[c.kind]}' for c in table.columns)
        connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
        marks = ", ".join("?" for _ in table.columns)
        connection.executemany(f'INSERT INTO "{table.name}" VALUES ({marks})', table.rows)  # noqa: S608
        for column in table.columns:
            if column.key:  # as in MySQL: rows that tie come in the order of the index
                index = f'"{table.name} {column.name}"'
                connection.execute(f'CREATE INDEX {index} ON "{table.name}" ("{column.name}")')
    connection.commit()
    for name, arguments, function in _FUNCTIONS:
        connection.create_function(name, arguments, function, deterministic=True)
    # Indexes that SQLite makes for one query lose rows where texts are equal by our collation only.
    connection.execute("PRAGMA automatic_index = OFF")
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(_authorize)
    return connection


def _compare(one: str, other: str) -> int:
    """MySQL's usual collation: no case, no accents, no spaces at the end."""
    first, second = _sorted_as(one), _sorted_as(other)
    return (first > second) - (first < second)


@lru_cache(maxsize=65536)
def _sorted_as(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.rstrip(" ")).upper()
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, 33})
"""33 is SQLITE_RECURSIVE, which Python 3.10 does not name."""


def _authorize(action: int, *names: object) -> int:
    if action not in _READING or "load_extension" in names:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _concat(*parts: Any) -> str | None:
    return None if None in parts else "".join(str(part) for part in parts)


def _year(text: Any) -> int | None:
    found = re.match(r"(\d{4})-", str(text))
    return int(found[1]) if found else None


def _if(condition: Any, yes: Any, no: Any) -> Any:
    return yes if condition else no


_FUNCTIONS: Sequence[tuple[str, int, Any]] = (
    ("concat", -1, _concat),
    ("year", 1, _year),
    ("if", 3, _if),
    ("left", 2, lambda text, n: None if text is None else str(text)[: max(0, int(n))]),
    ("right", 2, lambda text, n: None if text is None else str(text)[-int(n) :] if n > 0 else ""),
    ("ucase", 1, lambda text: None if text is None else str(text).upper()),
    ("lcase", 1, lambda text: None if text is None else str(text).lower()),
    ("char_length", 1, lambda text: None if text is None else len(str(text))),
)


_READS = re.compile(
    r"[\s(]*(?:select|show|describe|desc|explain|with|use|values|table)\b", re.IGNORECASE
)
_WRITES = re.compile(r"\binto\s+(?:outfile|dumpfile|@)|\bload_file\s*\(", re.IGNORECASE)


class MysqlStore(Store):
    """Databases on a MySQL or MariaDB server, by a URL such as mysql://user@host:3306."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("mysql", "mariadb") or not (parts.hostname or parts.query):
            raise ConfigError(f"'{url}' is no URL such as mysql://user@host:3306")
        if parts.password:
            raise ConfigError(
                "passwords do not belong in a configuration (it is saved with the run); put it in "
                f"the environment variable {PASSWORD_VARIABLE}"
            )
        self.url = url
        self._open: dict[str, Any] = {}
        self._limits: dict[str, float] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return (MysqlStore, (self.url,))

    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Run a statement in a read-only transaction."""
        import pymysql

        if _WRITES.search(statement) or not _READS.match(statement):
            return Answer(error="this server is for reading only; the statement is refused")
        connection = self._connection(database)
        self._limit(database, connection, seconds)
        try:
            connection.select_db(database)  # whatever USE said before
            with connection.cursor() as cursor:
                cursor.execute(statement)
                described = cursor.description is not None
                rows = cursor.fetchmany(_MOST_ROWS + 1) if described else None
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
            if not connection.open or error.args[0] in (2006, 2013):
                self._open.pop(database, None)
                self._limits.pop(database, None)
                raise EnvironmentFailure(f"the database server is gone: {error}") from error
            return Answer(error=str(error.args[-1]))
        except (pymysql.err.MySQLError, UnicodeError, ValueError) as error:
            return Answer(error=str(error.args[-1] if error.args else error))
        if rows is not None and len(rows) > _MOST_ROWS:
            return Answer(error=f"the result has more than {_MOST_ROWS:,} rows")
        return Answer(None if rows is None else [tuple(row) for row in rows])

    def _limit(self, database: str, connection: Any, seconds: float) -> None:
        """Have the server end queries after this time."""
        if self._limits.get(database) == seconds:
            return
        with connection.cursor() as cursor:
            if "mariadb" in str(connection.get_server_info()).lower():
                cursor.execute(f"SET SESSION max_statement_time = {float(seconds)}")
            else:
                cursor.execute(f"SET SESSION max_execution_time = {int(seconds * 1000)}")
        self._limits[database] = seconds

    def _connection(self, database: str) -> Any:
        try:
            import pymysql
        except ImportError:
            raise MissingExtra("a MySQL server", "pymysql", "leap-intercode[mysql]") from None
        if database in self._open:
            return self._open[database]
        parts = urlsplit(self.url)
        socket = dict(part.partition("=")[::2] for part in parts.query.split("&")).get("socket")
        try:
            connection = pymysql.connect(
                host=parts.hostname or "localhost",
                port=parts.port or 3306,
                user=parts.username or "root",
                password=os.environ.get(PASSWORD_VARIABLE, ""),
                unix_socket=socket,
                database=database,
                charset="utf8mb4",
                autocommit=True,
            )
        except pymysql.err.MySQLError as error:
            raise EnvironmentFailure(
                f"cannot connect to '{self.url}', database '{database}': {error.args[-1]}"
            ) from error
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
        self._open[database] = connection
        return connection

    def facts(self) -> dict[str, Any]:
        """The server's version."""
        answer = self.run("information_schema", "SELECT VERSION()", 10.0)
        return {"store": "mysql", "store_version": answer.rows[0][0] if answer.rows else "unknown"}

    def close(self) -> None:
        """Close all connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()
