"""MySQL's errors: number and sentence."""

from __future__ import annotations

_NEAR = 80
"""Characters of a statement that MySQL repeats."""


class MysqlError(Exception):
    """A statement is refused as MySQL refuses it.

    Attributes:
        code: MySQL's error number.
        sentence: MySQL's message.
    """

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


def syntax(text: str, place: int) -> MysqlError:
    """Return error 1064 for `text`, which cannot be read from `place` on."""
    line = text.count("\n", 0, place) + 1
    return MysqlError(
        1064,
        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL "
        f"server version for the right syntax to use near '{text[place : place + _NEAR]}' "
        f"at line {line}",
    )


def unknown_column(name: str, clause: str) -> MysqlError:
    """Return error 1054."""
    return MysqlError(1054, f"Unknown column '{name}' in '{clause}'")


def ambiguous(name: str, clause: str) -> MysqlError:
    """Return error 1052."""
    return MysqlError(1052, f"Column '{name}' in {clause} is ambiguous")


def unknown_table(database: str, table: str) -> MysqlError:
    """Return error 1146."""
    return MysqlError(1146, f"Table '{database}.{table}' doesn't exist")


def unknown_database(name: str) -> MysqlError:
    """Return error 1049."""
    return MysqlError(1049, f"Unknown database '{name}'")


def unknown_function(database: str, name: str) -> MysqlError:
    """Return error 1305."""
    return MysqlError(1305, f"FUNCTION {database}.{name} does not exist")


def wrong_arguments(name: str) -> MysqlError:
    """Return error 1582."""
    return MysqlError(
        1582, f"Incorrect parameter count in the call to native function '{name.upper()}'"
    )


def unsupported(what: str) -> MysqlError:
    """Return error 1235 for what MySQL would run and this store does not."""
    return MysqlError(1235, f"This store doesn't yet support '{what}'")


def read_only() -> MysqlError:
    """Return error 1290: nothing is written here."""
    return MysqlError(
        1290,
        "The MySQL server is running with the --read-only option so it cannot execute this "
        "statement",
    )
