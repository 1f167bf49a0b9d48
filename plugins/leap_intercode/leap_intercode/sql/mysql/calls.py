"""MySQL's functions by name: what SQLite calls for each, and the type of the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql import kinds
from leap_intercode.sql.mysql.aggregation import AGGREGATIONS
from leap_intercode.sql.mysql.block import Block, Handler
from leap_intercode.sql.mysql.dates import UNITS
from leap_intercode.sql.mysql.errors import MysqlError, unsupported, wrong_arguments
from leap_intercode.sql.mysql.kinds import CLOCK, DAY, DOUBLE, INTEGER, MOMENT, STRING, Kind
from leap_intercode.sql.mysql.values import (
    Value, arithmetic, as_integer, as_number, as_text, as_truth, compare, literal, quoted,
    strongest, unified,
)  # fmt: skip


def _as_is(value: Value) -> str:
    return value.sql


_TAKE: dict[str, Callable[[Value], str]] = {
    "t": as_text,
    "n": lambda value: as_number(value).sql,
    "i": as_integer,
    "d": _as_is,
    "b": as_truth,
}
"""How an argument is taken: as text, number, whole number, date (whatever it is), condition."""


def _arguments(node: exp.Anonymous, block: Block) -> list[Value]:
    return [block.value(argument) for argument in node.expressions]


def _name(node: exp.Anonymous) -> str:
    return node.this if isinstance(node.this, str) else str(node.this.name)


def _plain(
    function: str, takes: str, kind: Kind, least: int | None = None, defaults: Sequence[str] = (),
    collated: bool = False,
) -> Handler:  # fmt: skip
    """Return the handler of a function of SQLite's: `takes` has a letter for each argument.

    A `*` repeats the last letter; `defaults` fill what is left out; `collated` adds the collation.
    """
    many = takes.endswith("*")
    letters = takes.rstrip("*")
    least = len(letters) if least is None else least

    def handler(node: exp.Anonymous, block: Block) -> Value:
        values = _arguments(node, block)
        if len(values) < least or (len(values) > len(letters) and not many):
            raise wrong_arguments(_name(node))
        taken = [
            _TAKE[letters[min(place, len(letters) - 1)]](value) for place, value in enumerate(values)
        ]
        if not many:
            taken += defaults[len(taken) - least :] if len(taken) < len(letters) else []
        collation = strongest(values)
        if collated:
            taken.append(f"'{collation}'")
        return Value(f"{function}({', '.join(taken)})", kind, collation)

    return handler


# -- choices --------------------------------------------------------------------------------------


def _coalesce(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if not values or (_name(node).upper() == "IFNULL" and len(values) != 2):
        raise wrong_arguments(_name(node))
    kind, sqls = unified(values)
    sql = f"coalesce({', '.join(sqls)})" if len(sqls) > 1 else sqls[0]
    return Value(sql, kind, strongest(values))


def _nullif(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) != 2:
        raise wrong_arguments("NULLIF")
    left, right = values
    sql = f"CASE WHEN {compare('=', left, right)} THEN NULL ELSE {left.sql} END"
    return Value(sql, left.kind, left.collation)


def _extreme(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) < 2:
        raise wrong_arguments(_name(node))
    if len({value.kind.textual for value in values if value.kind.name != kinds.NULL}) == 2:
        values = [as_number(value) for value in values]
    kind, sqls = unified(values)
    function = "max" if _name(node).upper() == "GREATEST" else "min"
    if kind.textual:
        sqls[0] = f"{sqls[0]} COLLATE {strongest(values)}"
    return Value(f"{function}({', '.join(sqls)})", kind, strongest(values))


def _interval_call(node: exp.Anonymous, block: Block) -> Value:
    name, parts = _name(node).upper(), node.expressions
    if len(parts) != 2:
        raise wrong_arguments(name)
    sign = -1 if name in ("DATE_SUB", "SUBDATE") else 1
    interval = parts[1]
    if not isinstance(interval, exp.Interval):
        if name not in ("ADDDATE", "SUBDATE"):
            raise unsupported(f"{name} without INTERVAL")
        interval = exp.Interval(this=interval, unit=exp.var("DAY"))
    return moved(block.value(parts[0]), interval, sign, block)


_UNIT_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
_DAYS = frozenset(("DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "YEAR_MONTH"))


def moved(base: Value, interval: exp.Interval, sign: int, block: Block) -> Value:
    """Return a date or time plus or minus an interval."""
    unit = str(interval.args["unit"].name if interval.args.get("unit") else "").upper()
    if unit not in UNITS or interval.this is None:
        raise unsupported(f"INTERVAL … {unit}")
    amount = block.value(interval.this)
    if base.kind.name == kinds.TIME:
        seconds = f"my_num({amount.sql}) * {_UNIT_SECONDS.get(unit, 1)}"
        return Value(f"my_addtime({base.sql}, my_sec_to_time({seconds}), {sign})", CLOCK)
    kind = base.kind if base.kind.temporal else STRING
    if kind.name == kinds.DATE and unit not in _DAYS:
        kind = MOMENT
    return Value(f"my_dateadd({base.sql}, {amount.sql}, {quoted(unit)}, {sign})", kind)


def _unit_call(node: exp.Anonymous, block: Block) -> Value:
    name, parts = _name(node).upper(), node.expressions
    if len(parts) != 3:
        raise wrong_arguments(name)
    unit = parts[0].name.upper().removeprefix("SQL_TSI_")
    if unit not in UNITS:
        raise unsupported(f"{name}({unit} …)")
    if name == "TIMESTAMPADD":
        return moved(block.value(parts[2]), exp.Interval(this=parts[1], unit=exp.var(unit)), 1, block)
    first, second = block.value(parts[1]), block.value(parts[2])
    return Value(f"my_timestampdiff({quoted(unit)}, {first.sql}, {second.sql})", INTEGER)


def _add_time(sign: int) -> Handler:
    def handler(node: exp.Anonymous, block: Block) -> Value:
        values = _arguments(node, block)
        if len(values) != 2:
            raise wrong_arguments(_name(node))
        kind = values[0].kind if values[0].kind.temporal else STRING
        return Value(f"my_addtime({values[0].sql}, {values[1].sql}, {sign})", kind)

    return handler


def _str_to_date(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) != 2:
        raise wrong_arguments("STR_TO_DATE")
    pattern = str(values[1].literal)
    dated = any(f"%{sign}" in pattern for sign in "YymcdeDMb")
    timed = any(f"%{sign}" in pattern for sign in "HkhIlisSfTr")
    kind = MOMENT if dated and timed else CLOCK if timed else DAY
    return Value(f"my_str_to_date({as_text(values[0])}, {as_text(values[1])})", kind)


# -- numbers --------------------------------------------------------------------------------------


def _rounding(node: exp.Anonymous, block: Block) -> Value:
    name, values = _name(node).upper(), _arguments(node, block)
    if not 1 <= len(values) <= 2 or (name == "TRUNCATE" and len(values) != 2):
        raise wrong_arguments(name)
    value = as_number(values[0])
    digits = values[1] if len(values) > 1 else literal(0)
    places = max(0, digits.literal) if isinstance(digits.literal, int) else value.kind.digits
    kind = value.kind
    if kind.name == kinds.DEC:
        kind = kinds.decimal(min(places, kind.digits))
    elif kind.name == kinds.REAL:
        kind = DOUBLE
    if name == "TRUNCATE":
        return Value(f"my_truncate({value.sql}, {as_integer(digits)})", kind)
    inexact = int(value.kind.name == kinds.REAL)
    return Value(f"my_round({value.sql}, {as_integer(digits)}, {inexact})", kind)


def _whole(function: str) -> Handler:
    def handler(node: exp.Anonymous, block: Block) -> Value:
        values = _arguments(node, block)
        if len(values) != 1:
            raise wrong_arguments(_name(node))
        value = as_number(values[0])
        return Value(f"{function}({value.sql})", DOUBLE if value.kind.name == kinds.REAL else INTEGER)

    return handler


def _abs(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) != 1:
        raise wrong_arguments("ABS")
    value = as_number(values[0])
    return Value(f"abs({value.sql})", value.kind)


def _mod(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) != 2:
        raise wrong_arguments("MOD")
    return arithmetic("%", *values)


def _isnull(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) != 1:
        raise wrong_arguments("ISNULL")
    return Value(f"({values[0].sql} IS NULL)", INTEGER)


# -- facts ----------------------------------------------------------------------------------------


def _fact(key: str, kind: Kind = STRING) -> Handler:
    def handler(node: exp.Anonymous, block: Block) -> Value:
        made = literal(block.context.facts[key])
        return Value(made.sql, kind, literal=made.literal)

    return handler


def _database(node: exp.Anonymous, block: Block) -> Value:
    return literal(block.context.database)


def _refused(node: exp.Anonymous, block: Block) -> Value:
    raise MysqlError(1227, "Access denied; you need (at least one of) the FILE privilege(s) for this operation")


def _locate(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if not 2 <= len(values) <= 3:
        raise wrong_arguments(_name(node))
    mark, text = (values[1], values[0]) if _name(node).upper() == "INSTR" else values[:2]
    start = as_integer(values[2]) if len(values) > 2 else "1"
    collation = strongest((mark, text))
    return Value(f"my_position({as_text(mark)}, {as_text(text)}, {start}, '{collation}')", INTEGER)


def _field(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) < 2:
        raise wrong_arguments("FIELD")
    textual = all(value.kind.textual for value in values)
    sqls = [v.sql if textual else as_number(v).sql for v in values]
    return Value(f"my_field('{strongest(values)}', {', '.join(sqls)})", INTEGER)


def _one_side(side: str) -> Handler:
    def handler(node: exp.Anonymous, block: Block) -> Value:
        values = _arguments(node, block)
        if len(values) != 1:
            raise wrong_arguments(_name(node))
        return Value(f"my_trim({as_text(values[0])}, ' ', '{side}')", STRING, strongest(values))

    return handler


def _elt(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) < 2:
        raise wrong_arguments("ELT")
    rest = ", ".join(as_text(value) for value in values[1:])
    return Value(f"my_elt({as_integer(values[0])}, {rest})", STRING, strongest(values[1:]))


def _padded(function: str) -> Handler:
    return _plain(function, "tit", STRING)


_STRINGS = {
    "CONCAT": _plain("my_concat", "t*", STRING, 1),
    "CONCAT_WS": _plain("my_concat_ws", "t*", STRING, 2),
    **dict.fromkeys(("UPPER", "UCASE"), _plain("my_upper", "t", STRING)),
    **dict.fromkeys(("LOWER", "LCASE"), _plain("my_lower", "t", STRING)),
    **dict.fromkeys(("LENGTH", "OCTET_LENGTH"), _plain("my_length", "t", INTEGER)),
    **dict.fromkeys(("CHAR_LENGTH", "CHARACTER_LENGTH"), _plain("my_char_length", "t", INTEGER)),
    "LEFT": _plain("my_left", "ti", STRING),
    "RIGHT": _plain("my_right", "ti", STRING),
    "MID": _plain("my_substring", "tii", STRING, 3),
    "SUBSTRING_INDEX": _plain("my_substring_index", "tti", STRING),
    "LTRIM": _one_side("LEADING"),
    "RTRIM": _one_side("TRAILING"),
    "LPAD": _padded("my_lpad"),
    "RPAD": _padded("my_rpad"),
    "REPEAT": _plain("my_repeat", "ti", STRING),
    "REPLACE": _plain("my_replace", "ttt", STRING),
    "REVERSE": _plain("my_reverse", "t", STRING),
    "SPACE": lambda node, block: Value(
        f"my_repeat(' ', {as_integer(_only_argument(node, block))})", STRING
    ),
    "INSERT": _plain("my_insert", "tiit", STRING),
    **dict.fromkeys(("INSTR", "LOCATE"), _locate),
    "STRCMP": _plain("my_strcmp", "tt", INTEGER, collated=True),
    "FIELD": _field,
    "FIND_IN_SET": _plain("my_find_in_set", "tt", INTEGER),
    "ELT": _elt,
    "BIT_LENGTH": lambda node, block: Value(
        f"(my_length({as_text(_only_argument(node, block))}) * 8)", INTEGER
    ),
    "ASCII": _plain("my_ascii", "t", INTEGER),
    "ORD": _plain("my_ord", "t", INTEGER),
    "HEX": _plain("my_hex", "d", STRING),
    "UNHEX": _plain("my_unhex", "t", STRING),
    "CHAR": _plain("my_char", "i*", STRING, 1),
    "SOUNDEX": _plain("my_soundex", "t", STRING),
    "TO_BASE64": _plain("my_to_base64", "t", STRING),
    "FROM_BASE64": _plain("my_from_base64", "t", STRING),
    "MD5": _plain("my_md5", "t", STRING),
    **dict.fromkeys(("SHA", "SHA1"), _plain("my_sha1", "t", STRING)),
    "SHA2": _plain("my_sha2", "ti", STRING),
    "QUOTE": _plain("my_quote", "t", STRING),
    "REGEXP_LIKE": _plain("my_regexp", "ttt", INTEGER, 2, ["''"], collated=True),
    "REGEXP_REPLACE": _plain("my_regexp_replace", "ttt", STRING, collated=True),
    "REGEXP_SUBSTR": _plain("my_regexp_substr", "tt", STRING, collated=True),
    "REGEXP_INSTR": _plain("my_regexp_instr", "tt", INTEGER, collated=True),
    "FORMAT": _plain("my_format", "nid", STRING, 2),
}


def _only_argument(node: exp.Anonymous, block: Block) -> Value:
    values = _arguments(node, block)
    if len(values) != 1:
        raise wrong_arguments(_name(node))
    return values[0]


_NUMBERS = {
    **dict.fromkeys(("ROUND", "TRUNCATE"), _rounding),
    "FLOOR": _whole("my_floor"),
    **dict.fromkeys(("CEIL", "CEILING"), _whole("my_ceil")),
    "ABS": _abs,
    "MOD": _mod,
    "SIGN": _plain("my_sign", "n", INTEGER),
    **{
        name: _plain(f"my_{name.lower()}", "n", DOUBLE)
        for name in "SQRT EXP LOG2 LOG10 SIN COS TAN COT ASIN ACOS RADIANS DEGREES".split()
    },
    **dict.fromkeys(("POW", "POWER"), _plain("my_pow", "nn", DOUBLE)),
    "LN": _plain("my_log", "n", DOUBLE),
    "LOG": _plain("my_log", "nn", DOUBLE, 1),
    **dict.fromkeys(("ATAN", "ATAN2"), _plain("my_atan", "nn", DOUBLE, 1)),
    "PI": lambda node, block: Value("3.141592653589793", Kind(kinds.REAL, 6)),
    "RAND": lambda node, block: Value("my_rand()", DOUBLE),
    "BIT_COUNT": _plain("my_bit_count", "n", INTEGER),
    "CONV": _plain("my_conv", "tii", STRING),
    "BIN": lambda node, block: Value(f"my_conv({_only_argument(node, block).sql}, 10, 2)", STRING),
    "OCT": lambda node, block: Value(f"my_conv({_only_argument(node, block).sql}, 10, 8)", STRING),
    "CRC32": _plain("my_crc32", "t", INTEGER),
    **dict.fromkeys(("GREATEST", "LEAST"), _extreme),
}
_CHOICES = {
    **dict.fromkeys(("COALESCE", "IFNULL"), _coalesce),
    "NULLIF": _nullif,
    "ISNULL": _isnull,
}
_DATES = {
    **dict.fromkeys(("DATE_ADD", "DATE_SUB", "ADDDATE", "SUBDATE"), _interval_call),
    **dict.fromkeys(("TIMESTAMPDIFF", "TIMESTAMPADD"), _unit_call),
    "ADDTIME": _add_time(1),
    "SUBTIME": _add_time(-1),
    "STR_TO_DATE": _str_to_date,
    **{
        name: _plain(f"my_{name.lower()}", "d", INTEGER)
        for name in "YEAR MONTH QUARTER HOUR MINUTE SECOND MICROSECOND DAYOFWEEK WEEKDAY DAYOFYEAR "
        "TO_DAYS TO_SECONDS TIME_TO_SEC".split()
    },
    **dict.fromkeys(("DAY", "DAYOFMONTH"), _plain("my_day", "d", INTEGER)),
    "DATE": _plain("my_date", "d", DAY),
    "TIME": _plain("my_time", "d", CLOCK),
    "TIMESTAMP": _plain("my_datetime", "d", MOMENT),
    "WEEK": _plain("my_week", "di", INTEGER, 1, ["0"]),
    "WEEKOFYEAR": lambda node, block: Value(f"my_week({_only_argument(node, block).sql}, 3)", INTEGER),
    "YEARWEEK": _plain("my_yearweek", "di", INTEGER, 1, ["0"]),
    "DATE_FORMAT": _plain("my_date_format", "dt", STRING),
    "TIME_FORMAT": _plain("my_date_format", "dt", STRING),
    "DAYNAME": lambda node, block: Value(f"my_date_format({_only_argument(node, block).sql}, '%W')", STRING),
    "MONTHNAME": lambda node, block: Value(f"my_date_format({_only_argument(node, block).sql}, '%M')", STRING),
    "DATEDIFF": _plain("my_datediff", "dd", INTEGER),
    "TIMEDIFF": _plain("my_timediff", "dd", CLOCK),
    "LAST_DAY": _plain("my_last_day", "d", DAY),
    "FROM_DAYS": _plain("my_from_days", "i", DAY),
    "MAKEDATE": _plain("my_makedate", "ii", DAY),
    "MAKETIME": _plain("my_maketime", "iii", CLOCK),
    "SEC_TO_TIME": _plain("my_sec_to_time", "n", CLOCK),
    "PERIOD_DIFF": _plain("my_period_diff", "ii", INTEGER),
    "FROM_UNIXTIME": _plain("my_from_unix", "n", MOMENT),
    "UNIX_TIMESTAMP": lambda node, block: Value(
        f"my_unix({_only_argument(node, block).sql if node.expressions else quoted(block.context.facts['now'])})",
        INTEGER,
    ),
    **dict.fromkeys(
        "NOW SYSDATE CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_TIMESTAMP".split(),
        _fact("now", MOMENT),
    ),
    **dict.fromkeys(("CURDATE", "CURRENT_DATE", "UTC_DATE"), _fact("today", DAY)),
    **dict.fromkeys(("CURTIME", "CURRENT_TIME", "UTC_TIME"), _fact("clock", CLOCK)),
}
_FACTS = {
    "VERSION": _fact("version"),
    **dict.fromkeys(("DATABASE", "SCHEMA"), _database),
    **dict.fromkeys(("USER", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER"), _fact("user")),
    "CONNECTION_ID": _fact("connection_id", INTEGER),
    "FOUND_ROWS": _fact("found_rows", INTEGER),
    "LAST_INSERT_ID": _fact("last_insert_id", INTEGER),
    "ROW_COUNT": _fact("row_count", INTEGER),
    "SLEEP": lambda node, block: Value(f"my_sleep({as_number(_only_argument(node, block)).sql})", INTEGER),
    "LOAD_FILE": _refused,
}

CALLS: dict[str, Any] = {**_STRINGS, **_NUMBERS, **_CHOICES, **_DATES, **_FACTS, **AGGREGATIONS}
"""Handlers by the name in capitals."""
