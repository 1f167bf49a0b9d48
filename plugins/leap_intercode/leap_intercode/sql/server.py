"""A MySQL or MariaDB server as a store: by a user that can only read."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from leap_core import ConfigError, EnvironmentFailure, MissingExtra
from leap_intercode.sql.answer import Answer, Store

PASSWORD_VARIABLE = "INTERCODE_SQL_PASSWORD"
MOST_ROWS = 20_000
MOST_CHARACTERS = 8 << 20
_GRACE = 2
_READING = frozenset(("USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"))
_GRANT = re.compile(r"GRANT (.+?) ON (?!.*\bPROXY\b)", re.IGNORECASE)


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
        self._open: dict[str, tuple[Any, float]] = {}
        self._owner = os.getpid()

    def __reduce__(self) -> tuple[object, ...]:
        return (MysqlStore, (self.url,))

    def run(self, database: str, statement: str, seconds: float) -> Answer:
        """Run a statement; the server ends it after its time, and this side if it does not."""
        import pymysql

        connection = self._connection(database, seconds)
        try:
            with contextlib.closing(connection.cursor(pymysql.cursors.SSCursor)) as cursor:
                cursor.execute(_limit(connection, seconds))
                connection.select_db(database)  # whatever USE said before
                cursor.execute(statement)
                if cursor.description is None:
                    return Answer(error="No result set to fetch from")
                return self._fetched(database, cursor)
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
            return self._failed(database, connection, error, seconds)
        except pymysql.err.MySQLError as error:
            code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
            return Answer(error=str(error.args[-1] if error.args else error), code=code)
        except (UnicodeError, ValueError) as error:
            return Answer(error=str(error))

    def _fetched(self, database: str, cursor: Any) -> Answer:
        rows, size = [], 0
        for row in cursor.fetchall_unbuffered():
            rows.append(tuple(row))
            size += sum(len(value) for value in row if isinstance(value, (str, bytes))) + len(row)
            if len(rows) > MOST_ROWS or size > MOST_CHARACTERS:
                self._kill(database)
                what = (
                    f"{MOST_ROWS:,} rows"
                    if len(rows) > MOST_ROWS
                    else f"{MOST_CHARACTERS:,} characters"
                )
                return Answer(error=f"the result has more than {what}")
        return Answer(rows)

    def _failed(self, database: str, connection: Any, error: Exception, seconds: float) -> Answer:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if "timed out" in str(error):
            self._kill(database)
            return Answer(
                error="Query execution was interrupted, maximum statement execution time exceeded "
                f"({seconds:g} s)",
                code=3024,
            )
        if not connection.open or code in (2006, 2013):
            self._open.pop(database, None)
            raise EnvironmentFailure(f"the database server is gone: {error}") from error
        return Answer(error=str(error.args[-1] if error.args else error), code=code)

    def _kill(self, database: str) -> None:
        """End a statement that runs on, and its connection."""
        connection, _ = self._open.pop(database)
        number = connection.thread_id()
        with contextlib.suppress(Exception):
            if connection._result is not None:
                connection._result.unbuffered_active = False  # else closing would read on
            connection._force_close()
        with contextlib.suppress(Exception):
            other = self._connect(database, 5.0)
            with other.cursor() as cursor:
                cursor.execute(f"KILL {int(number)}")
            other.close()

    def _connection(self, database: str, seconds: float) -> Any:
        if self._owner != os.getpid():
            self._open, self._owner = {}, os.getpid()  # after fork: these are the parent's
        if database in self._open:
            connection, allowed = self._open[database]
            if allowed == seconds:
                return connection
            connection.close()
        connection = self._connect(database, seconds)
        self._open[database] = connection, seconds
        return connection

    def _connect(self, database: str, seconds: float) -> Any:
        try:
            import pymysql
        except ImportError:
            raise MissingExtra("a MySQL server", "pymysql", "leap-intercode[mysql]") from None
        parts = urlsplit(self.url)
        try:
            connection = pymysql.connect(
                host=parts.hostname or "localhost",
                port=parts.port or 3306,
                user=parts.username or "root",
                password=os.environ.get(PASSWORD_VARIABLE, ""),
                unix_socket=parse_qs(parts.query).get("socket", [None])[0],
                database=database,
                charset="utf8mb4",
                autocommit=True,
                read_timeout=seconds + _GRACE,
                local_infile=False,
            )
        except pymysql.err.MySQLError as error:
            raise EnvironmentFailure(
                f"cannot connect to '{self.url}', database '{database}': {error.args[-1]}"
            ) from error
        self._check_rights(connection)
        return connection

    def _check_rights(self, connection: Any) -> None:
        """Refuse a user that can do more than read.

        Raises:
            ConfigError: it can.
        """
        with connection.cursor() as cursor:
            cursor.execute("SHOW GRANTS")
            grants = [str(row[0]) for row in cursor.fetchall()]
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
        for grant in grants:
            found = _GRANT.match(grant)
            rights = {right.strip().upper() for right in found[1].split(",")} if found else {grant}
            more = sorted(rights - _READING)
            if more or "WITH GRANT OPTION" in grant.upper():
                connection.close()
                told = ", ".join(more) or "grant"
                raise ConfigError(
                    f"the user of '{self.url}' may do more than read ({told}), and what a model "
                    "writes is run as this user; make one by CREATE USER 'reader'@'localhost', and "
                    "GRANT SELECT, SHOW VIEW on each database TO 'reader'@'localhost'"
                )

    def facts(self) -> dict[str, Any]:
        """Return the server's version."""
        answer = self.run("information_schema", "SELECT VERSION()", 10.0)
        return {"store": "mysql", "store_version": answer.rows[0][0] if answer.rows else "unknown"}

    def close(self) -> None:
        """Close all connections."""
        if self._owner == os.getpid():
            for connection, _ in self._open.values():
                with contextlib.suppress(Exception):
                    connection.close()
        self._open.clear()


def _limit(connection: Any, seconds: float) -> str:
    """Return what makes the server end the next statements after this time."""
    if "mariadb" in str(connection.get_server_info()).lower():
        return f"SET SESSION max_statement_time = {float(seconds)}"
    return f"SET SESSION max_execution_time = {int(seconds * 1000)}"
