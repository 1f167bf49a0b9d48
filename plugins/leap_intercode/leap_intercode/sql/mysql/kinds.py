"""Types of values: what MySQL would call them, how they are kept in SQLite, how they come out.

Integers are SQLite's integers, decimals and doubles its reals (a decimal is cut to its scale when
it comes out), dates and times text in MySQL's own form.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from leap_intercode.sql.mysql.errors import MysqlError

INT, DEC, REAL, TEXT, BLOB = "int", "decimal", "real", "text", "blob"
DATE, DATETIME, TIME, NULL = "date", "datetime", "time", "null"
TEMPORAL = frozenset({DATE, DATETIME, TIME})
NUMERIC = frozenset({INT, DEC, REAL})
_LONGEST_SCALE = 30
_WIDE = Context(prec=100)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type.

    Attributes:
        name: one of the names above.
        scale: digits after the point, of decimals and of doubles declared with them.
        unsigned: of 64-bit integers that are kept as signed ones (results of bit operations).
        single: a FLOAT: it is shown with six digits.
    """

    name: str
    scale: int | None = None
    unsigned: bool = False
    single: bool = False

    @property
    def numeric(self) -> bool:
        """Whether it is a number."""
        return self.name in NUMERIC

    @property
    def temporal(self) -> bool:
        """Whether it is a date, a time or both."""
        return self.name in TEMPORAL

    @property
    def textual(self) -> bool:
        """Whether it is text."""
        return self.name in (TEXT, BLOB)

    @property
    def digits(self) -> int:
        """Digits after the point of an exact number."""
        return self.scale or 0


INTEGER, DOUBLE, STRING, BYTES = Kind(INT), Kind(REAL), Kind(TEXT), Kind(BLOB)
DAY, MOMENT, CLOCK, NOTHING = Kind(DATE), Kind(DATETIME), Kind(TIME), Kind(NULL)


def decimal(scale: int) -> Kind:
    """Return the decimal with this many digits after the point, thirty at most."""
    return Kind(DEC, min(scale, _LONGEST_SCALE))


_DECLARED = re.compile(r"(\w+)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")
_INTEGERS = frozenset(
    "int integer bigint smallint tinyint mediumint year bit bool boolean signed unsigned".split()
)


def declared(text: str) -> Kind:
    """Return the type that a column's declaration names."""
    found = _DECLARED.match(text.strip().lower())
    if found is None:
        return STRING
    base, _, scale = found.groups()
    if base in _INTEGERS:
        return INTEGER
    if base in ("decimal", "numeric", "dec", "fixed"):
        return decimal(int(scale or 0))
    if base in ("double", "float", "real"):
        return Kind(REAL, int(scale) if scale else None, single=base == "float")
    if "blob" in base or "binary" in base:
        return BYTES
    return {"date": DAY, "datetime": MOMENT, "timestamp": MOMENT, "time": CLOCK}.get(base, STRING)


def merged(kinds: list[Kind]) -> Kind:
    """Return the type of a value that is one of these (CASE, COALESCE, UNION …)."""
    some = [kind for kind in kinds if kind.name != NULL]
    if not some:
        return NOTHING
    names = {kind.name for kind in some}
    if names == {INT}:
        return Kind(INT, unsigned=all(kind.unsigned for kind in some))
    if names <= {INT, DEC}:
        return decimal(max(kind.digits for kind in some))
    if names <= NUMERIC:
        scales = [kind.scale for kind in some if kind.name == REAL]
        scale = max(s or 0 for s in scales) if None not in scales else None
        return Kind(REAL, scale, single=all(k.single for k in some if k.name == REAL))
    if len(names) == 1:
        return some[0]
    if names == {DATE, DATETIME}:
        return MOMENT
    return BYTES if BLOB in names else STRING


# -- coming out --------------------------------------------------------------------------------


def exact(value: float | int, scale: int) -> Decimal:
    """Return a number with this many digits after the point, halves rounded away from zero."""
    number = Decimal(value) if isinstance(value, int) else Decimal(repr(value))
    return number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _WIDE)


def _integer(value: Any) -> Any:
    if isinstance(value, float):
        if abs(value) > 0x7FFFFFFFFFFFFFFF:
            raise MysqlError(1690, "BIGINT value is out of range")
        return int(value)
    return value


def _double(value: float) -> float:
    if not math.isfinite(value):
        raise MysqlError(1690, "DOUBLE value is out of range")
    return float(value)


def _unsigned(value: Any) -> Any:
    return value & 0xFFFFFFFFFFFFFFFF if isinstance(value, int) else value


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value[:10])
    except (TypeError, ValueError):
        return None  # the zero date, as MySQL's connectors give it


def _datetime(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _time(value: Any) -> Any:
    found = re.fullmatch(r"(-?)(\d+):(\d\d):(\d\d)(\.\d+)?", str(value))
    if not found:
        return value
    sign, hours, minutes, seconds, part = found.groups()
    passed = timedelta(
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=float(part or 0) * 1e6,
    )
    return -passed if sign else passed


def rounded_single(value: float) -> float:
    """Return a number as FLOAT keeps it."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return value


def shown_single(value: float) -> float:
    """Return a FLOAT as MySQL shows it: with six digits."""
    return float(f"{value:.6g}")


def converter(kind: Kind) -> Callable[[Any], Any] | None:
    """Return what makes SQLite's value the one that MySQL's connectors give, if anything must."""
    scale = kind.scale
    if kind.name == DEC:
        return lambda value: exact(value, scale or 0) if isinstance(value, (int, float)) else value
    if kind.name == REAL:
        if scale is not None:
            return lambda value: round(_double(value), scale) if value is not None else None
        if kind.single:
            return lambda value: shown_single(_double(value)) if value is not None else None
        return lambda value: _double(value) if isinstance(value, (int, float)) else value
    if kind.name == INT:
        return _unsigned if kind.unsigned else _integer
    return {DATE: _date, DATETIME: _datetime, TIME: _time}.get(kind.name)
