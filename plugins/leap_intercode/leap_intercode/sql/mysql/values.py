"""Values of a translated statement: SQLite's text for them, their type, and MySQL's coercions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from leap_intercode.sql.mysql.collation import BINARY, GENERAL, UCA
from leap_intercode.sql.mysql.dates import as_datetime, as_time, moment
from leap_intercode.sql.mysql.errors import MysqlError
from leap_intercode.sql.mysql.kinds import (
    BLOB,
    CLOCK,
    DATE,
    DATETIME,
    DAY,
    DEC,
    DOUBLE,
    INT,
    INTEGER,
    MOMENT,
    NOTHING,
    NULL,
    REAL,
    STRING,
    TEXT,
    TIME,
    Kind,
    decimal,
    merged,
)  # fmt: skip
from leap_intercode.sql.mysql.numbers import number

MISSING: Any = object()
"""The literal of a value that is none."""


@dataclass(slots=True, eq=False)
class Field:
    """A column of a table or subquery.

    Attributes:
        name: as MySQL shows it.
        kind: its type.
        collation: how its texts compare.
        sql: what names it in SQLite.
        path: `database.table.column` of errors; "" for what has no table.
        null: whether it may be NULL.
    """

    name: str
    kind: Kind
    collation: str
    sql: str
    path: str = ""
    null: bool = True


@dataclass(slots=True)
class Value:
    """A value.

    Attributes:
        sql: its expression in SQLite.
        kind: its type.
        collation: how it compares, where it is text.
        literal: the Python value of a literal, else MISSING.
        column: the column that it is, if it is nothing more.
    """

    sql: str
    kind: Kind
    collation: str = GENERAL
    literal: Any = field(default=MISSING)
    column: Field | None = None


def quoted(text: str) -> str:
    """Return a text as a literal of SQLite."""
    if "\0" in text:
        return f"CAST(x'{text.encode('utf-8', 'replace').hex()}' AS TEXT)"
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """Return a name in SQLite's quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> Value:
    """Return a literal: an integer, a double, a text or None."""
    if value is None:
        return Value("NULL", NOTHING, literal=None)
    if isinstance(value, str):
        return Value(quoted(value), STRING, literal=value)
    if isinstance(value, int):
        return Value(str(value), INTEGER, literal=value)
    return Value(repr(value) if abs(value) < 1e308 else "9e999", DOUBLE, literal=value)


def strongest(values: Sequence[Value]) -> str:
    """Return the collation that prevails among values."""
    collations = {value.collation for value in values if value.kind.textual}
    return BINARY if BINARY in collations else UCA if UCA in collations else GENERAL


def as_number(value: Value) -> Value:
    """Return a value as the number that MySQL computes with."""
    if value.kind.numeric or value.kind.name == NULL:
        return value
    if isinstance(value.literal, str):
        if value.kind.unsigned:  # a hexadecimal literal
            return literal(int.from_bytes(value.literal.encode("latin-1", "replace"), "big"))
        return literal(number(value.literal))
    if value.kind.temporal:
        return Value(f"my_datenum({value.sql})", INTEGER)
    return Value(f"my_num({value.sql})", DOUBLE)


def as_integer(value: Value) -> str:
    """Return a value as a whole number."""
    if value.kind.name in (INT, NULL):
        return value.sql
    return f"my_signed({value.sql})"


def as_text(value: Value) -> str:
    """Return a value as text."""
    kind = value.kind
    if kind.name in (TEXT, NULL) or kind.temporal:
        return value.sql
    if kind.name == INT:
        return f"CAST({value.sql} AS TEXT)"
    if kind.name == DEC or (kind.name == REAL and kind.scale is not None):
        return f"my_dectext({value.sql}, {kind.digits})"
    return f"my_text({value.sql})"


def as_truth(value: Value) -> str:
    """Return a value as a condition."""
    return as_number(value).sql


def converted(value: Value, kind: Kind) -> str:
    """Return a value as one of a type that was merged from its own and others."""
    if kind.textual:
        return as_text(value)
    if kind.name == DATETIME and value.kind.name == DATE:
        return f"({value.sql} || ' 00:00:00')"
    return value.sql


def unified(values: Sequence[Value]) -> tuple[Kind, list[str]]:
    """Return the type of a choice between values, and the values so."""
    kind = merged([value.kind for value in values])
    return kind, [converted(value, kind) for value in values]


# -- comparison -----------------------------------------------------------------------------------


def comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Return both values as what MySQL compares them as (8.0 Reference Manual, 12.3).

    Raises:
        MysqlError: 1525, for a literal that should be a date and is none.
    """
    one, other = left.kind, right.kind
    if NULL in (one.name, other.name) or (one.textual and other.textual):
        return left, right
    if one.temporal and other.temporal:
        if one.name == other.name:
            return left, right
        if TIME in (one.name, other.name):
            return _as_time(left), _as_time(right)
        return _as_moment(left), _as_moment(right)
    if one.temporal and other.textual:
        return _dated(left, right)
    if other.temporal and one.textual:
        right, left = _dated(right, left)
        return left, right
    if one.temporal or other.temporal:
        return _counted(left, right)
    return as_number(left), as_number(right)


def _counted(left: Value, right: Value) -> tuple[Value, Value]:
    for one, other in ((left, right), (right, left)):
        if one.kind.temporal and isinstance(other.literal, int):
            found = moment(other.literal)
            if one.kind.name == DATETIME and found is not None and len(str(other.literal)) <= 8:
                made = literal(int(f"{found:%Y%m%d%H%M%S}"))
                return (as_number(left), made) if one is left else (made, as_number(right))
    return as_number(left), as_number(right)


def _as_moment(value: Value) -> Value:
    if value.kind.name == DATE:
        return Value(f"({value.sql} || ' 00:00:00')", MOMENT)
    return value


def _as_time(value: Value) -> Value:
    return value if value.kind.name == TIME else Value(f"my_time({value.sql})", CLOCK)


def _dated(dated: Value, text: Value) -> tuple[Value, Value]:
    if dated.kind.name == TIME:
        if isinstance(text.literal, str):
            return dated, Value(quoted(as_time(text.literal) or text.literal), CLOCK)
        return dated, Value(f"my_time({text.sql})", CLOCK)
    if isinstance(text.literal, str):
        found = as_datetime(text.literal)
        if found is None:
            name = dated.kind.name.upper()
            raise MysqlError(1525, f"Incorrect {name} value: '{text.literal}'")
        if dated.kind.name == DATE and found.endswith(" 00:00:00"):
            return dated, Value(quoted(found[:10]), DAY)
        return _as_moment(dated), Value(quoted(found), MOMENT)
    return _as_moment(dated), Value(f"my_datetime({text.sql})", MOMENT)


def compare(operator: str, left: Value, right: Value) -> str:
    """Return a comparison; `operator` is SQLite's."""
    one, other = comparable(left, right)
    if one.kind.textual and other.kind.textual:
        return f"({one.sql} COLLATE {strongest((one, other))} {operator} {other.sql})"
    return f"({one.sql} {operator} {other.sql})"


def sorted_by(value: Value) -> str:
    """Return a value with its collation, for ORDER BY, GROUP BY, DISTINCT, MIN and MAX."""
    if value.kind.textual:
        return f"{value.sql} COLLATE {value.collation}"
    return value.sql


# -- arithmetic -----------------------------------------------------------------------------------


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """Return a sum, difference, product, quotient, whole quotient or remainder.

    Exact operands give exact results; a quotient has four digits more than the dividend
    (8.0 Reference Manual, 12.6.1).
    """
    one, other = as_number(left), as_number(right)
    exact = {one.kind.name, other.kind.name} <= {INT, DEC, NULL}
    scales = one.kind.digits, other.kind.digits
    if operator == "DIV":
        return Value(f"my_div({one.sql}, {other.sql})", INTEGER)
    if operator == "/":
        kind = decimal(scales[0] + 4) if exact else _double(one, other, 4)
        return Value(f"(CAST({one.sql} AS REAL) / {other.sql})", kind)
    whole = {one.kind.name, other.kind.name} <= {INT, NULL}
    scale = sum(scales) if operator == "*" else max(scales)
    kind = INTEGER if whole else decimal(scale) if exact else _double(one, other)
    if operator == "%":
        return Value(f"my_mod({one.sql}, {other.sql})", kind)
    sql = f"({one.sql} {operator} {other.sql})"
    return Value(f"round({sql}, {scale})" if kind.name == DEC else sql, kind)


def _double(one: Value, other: Value, more: int = 0) -> Kind:
    """Return the type of an inexact result: with fixed digits where both operands have them."""
    scales = [v.kind.scale if v.kind.name == REAL else v.kind.digits for v in (one, other)]
    known = [scale for scale in scales if scale is not None]
    return Kind(REAL, max(known) + more) if len(known) == 2 else DOUBLE


def negated(value: Value) -> Value:
    """Return a number with the other sign."""
    found = as_number(value)
    if isinstance(found.literal, (int, float)):
        made = literal(-found.literal)
        return Value(made.sql, found.kind, literal=made.literal)
    return Value(f"(-{found.sql})", found.kind)


__all__ = ["BLOB", "Field", "Value"]
