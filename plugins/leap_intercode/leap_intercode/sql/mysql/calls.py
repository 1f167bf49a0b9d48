"""MySQL's functions by name: what SQLite calls for each, and the type of the result."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql import kinds
from leap_intercode.sql.mysql.aggregation import AGGREGATIONS
from leap_intercode.sql.mysql.arguments import arguments, fact, name_of, only_argument, plain
from leap_intercode.sql.mysql.block import Block, Handler
from leap_intercode.sql.mysql.date_calls import DATE_CALLS
from leap_intercode.sql.mysql.errors import MysqlError, wrong_arguments
from leap_intercode.sql.mysql.kinds import DOUBLE, INTEGER, STRING, Kind
from leap_intercode.sql.mysql.values import (
    Value,
    arithmetic,
    as_integer,
    as_number,
    as_text,
    compare,
    literal,
    strongest,
    unified,
)  # fmt: skip

# -- choices --------------------------------------------------------------------------------------


def _coalesce(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if not values or (name_of(node).upper() == "IFNULL" and len(values) != 2):
        raise wrong_arguments(name_of(node))
    kind, sqls = unified(values)
    sql = f"coalesce({', '.join(sqls)})" if len(sqls) > 1 else sqls[0]
    return Value(sql, kind, strongest(values))


def _nullif(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) != 2:
        raise wrong_arguments("NULLIF")
    left, right = values
    sql = f"CASE WHEN {compare('=', left, right)} THEN NULL ELSE {left.sql} END"
    return Value(sql, left.kind, left.collation)


def _extreme(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) < 2:
        raise wrong_arguments(name_of(node))
    if len({value.kind.textual for value in values if value.kind.name != kinds.NULL}) == 2:
        values = [as_number(value) for value in values]
    kind, sqls = unified(values)
    function = "max" if name_of(node).upper() == "GREATEST" else "min"
    if kind.textual:
        sqls[0] = f"{sqls[0]} COLLATE {strongest(values)}"
    return Value(f"{function}({', '.join(sqls)})", kind, strongest(values))


# -- numbers --------------------------------------------------------------------------------------


def _rounding(node: exp.Anonymous, block: Block) -> Value:
    name, values = name_of(node).upper(), arguments(node, block)
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
        values = arguments(node, block)
        if len(values) != 1:
            raise wrong_arguments(name_of(node))
        value = as_number(values[0])
        return Value(
            f"{function}({value.sql})", DOUBLE if value.kind.name == kinds.REAL else INTEGER
        )

    return handler


def _abs(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) != 1:
        raise wrong_arguments("ABS")
    value = as_number(values[0])
    return Value(f"abs({value.sql})", value.kind)


def _mod(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) != 2:
        raise wrong_arguments("MOD")
    return arithmetic("%", *values)


def _isnull(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) != 1:
        raise wrong_arguments("ISNULL")
    return Value(f"({values[0].sql} IS NULL)", INTEGER)


# -- facts ----------------------------------------------------------------------------------------


def _database(node: exp.Anonymous, block: Block) -> Value:
    return literal(block.context.database)


def _refused(node: exp.Anonymous, block: Block) -> Value:
    raise MysqlError(
        1227, "Access denied; you need (at least one of) the FILE privilege(s) for this operation"
    )


def _locate(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if not 2 <= len(values) <= 3:
        raise wrong_arguments(name_of(node))
    mark, text = (values[1], values[0]) if name_of(node).upper() == "INSTR" else values[:2]
    start = as_integer(values[2]) if len(values) > 2 else "1"
    collation = strongest((mark, text))
    return Value(f"my_position({as_text(mark)}, {as_text(text)}, {start}, '{collation}')", INTEGER)


def _field(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) < 2:
        raise wrong_arguments("FIELD")
    textual = all(value.kind.textual for value in values)
    sqls = [v.sql if textual else as_number(v).sql for v in values]
    return Value(f"my_field('{strongest(values)}', {', '.join(sqls)})", INTEGER)


def _one_side(side: str) -> Handler:
    def handler(node: exp.Anonymous, block: Block) -> Value:
        values = arguments(node, block)
        if len(values) != 1:
            raise wrong_arguments(name_of(node))
        return Value(f"my_trim({as_text(values[0])}, ' ', '{side}')", STRING, strongest(values))

    return handler


def _elt(node: exp.Anonymous, block: Block) -> Value:
    values = arguments(node, block)
    if len(values) < 2:
        raise wrong_arguments("ELT")
    rest = ", ".join(as_text(value) for value in values[1:])
    return Value(f"my_elt({as_integer(values[0])}, {rest})", STRING, strongest(values[1:]))


def _padded(function: str) -> Handler:
    return plain(function, "tit", STRING)


_STRINGS = {
    "CONCAT": plain("my_concat", "t*", STRING, 1),
    "CONCAT_WS": plain("my_concat_ws", "t*", STRING, 2),
    **dict.fromkeys(("UPPER", "UCASE"), plain("my_upper", "t", STRING)),
    **dict.fromkeys(("LOWER", "LCASE"), plain("my_lower", "t", STRING)),
    **dict.fromkeys(("LENGTH", "OCTET_LENGTH"), plain("my_length", "t", INTEGER)),
    **dict.fromkeys(("CHAR_LENGTH", "CHARACTER_LENGTH"), plain("my_char_length", "t", INTEGER)),
    "LEFT": plain("my_left", "ti", STRING),
    "RIGHT": plain("my_right", "ti", STRING),
    "MID": plain("my_substring", "tii", STRING, 3),
    "SUBSTRING_INDEX": plain("my_substring_index", "tti", STRING),
    "LTRIM": _one_side("LEADING"),
    "RTRIM": _one_side("TRAILING"),
    "LPAD": _padded("my_lpad"),
    "RPAD": _padded("my_rpad"),
    "REPEAT": plain("my_repeat", "ti", STRING),
    "REPLACE": plain("my_replace", "ttt", STRING),
    "REVERSE": plain("my_reverse", "t", STRING),
    "SPACE": lambda node, block: Value(
        f"my_repeat(' ', {as_integer(only_argument(node, block))})", STRING
    ),
    "INSERT": plain("my_insert", "tiit", STRING),
    **dict.fromkeys(("INSTR", "LOCATE"), _locate),
    "STRCMP": plain("my_strcmp", "tt", INTEGER, collated=True),
    "FIELD": _field,
    "FIND_IN_SET": plain("my_find_in_set", "tt", INTEGER),
    "ELT": _elt,
    "BIT_LENGTH": lambda node, block: Value(
        f"(my_length({as_text(only_argument(node, block))}) * 8)", INTEGER
    ),
    "ASCII": plain("my_ascii", "t", INTEGER),
    "ORD": plain("my_ord", "t", INTEGER),
    "HEX": plain("my_hex", "d", STRING),
    "UNHEX": plain("my_unhex", "t", STRING),
    "CHAR": plain("my_char", "i*", STRING, 1),
    "SOUNDEX": plain("my_soundex", "t", STRING),
    "TO_BASE64": plain("my_to_base64", "t", STRING),
    "FROM_BASE64": plain("my_from_base64", "t", STRING),
    "MD5": plain("my_md5", "t", STRING),
    **dict.fromkeys(("SHA", "SHA1"), plain("my_sha1", "t", STRING)),
    "SHA2": plain("my_sha2", "ti", STRING),
    "QUOTE": plain("my_quote", "t", STRING),
    "REGEXP_LIKE": plain("my_regexp", "ttt", INTEGER, 2, ["''"], collated=True),
    "REGEXP_REPLACE": plain("my_regexp_replace", "ttt", STRING, collated=True),
    "REGEXP_SUBSTR": plain("my_regexp_substr", "tt", STRING, collated=True),
    "REGEXP_INSTR": plain("my_regexp_instr", "tt", INTEGER, collated=True),
    "FORMAT": plain("my_format", "nid", STRING, 2),
}


_NUMBERS = {
    **dict.fromkeys(("ROUND", "TRUNCATE"), _rounding),
    "FLOOR": _whole("my_floor"),
    **dict.fromkeys(("CEIL", "CEILING"), _whole("my_ceil")),
    "ABS": _abs,
    "MOD": _mod,
    "SIGN": plain("my_sign", "n", INTEGER),
    **{
        name: plain(f"my_{name.lower()}", "n", DOUBLE)
        for name in "SQRT EXP LOG2 LOG10 SIN COS TAN COT ASIN ACOS RADIANS DEGREES".split()
    },
    **dict.fromkeys(("POW", "POWER"), plain("my_pow", "nn", DOUBLE)),
    "LN": plain("my_log", "n", DOUBLE),
    "LOG": plain("my_log", "nn", DOUBLE, 1),
    **dict.fromkeys(("ATAN", "ATAN2"), plain("my_atan", "nn", DOUBLE, 1)),
    "PI": lambda node, block: Value("3.141592653589793", Kind(kinds.REAL, 6)),
    "RAND": lambda node, block: Value("my_rand()", DOUBLE),
    "BIT_COUNT": plain("my_bit_count", "n", INTEGER),
    "CONV": plain("my_conv", "tii", STRING),
    "BIN": lambda node, block: Value(f"my_conv({only_argument(node, block).sql}, 10, 2)", STRING),
    "OCT": lambda node, block: Value(f"my_conv({only_argument(node, block).sql}, 10, 8)", STRING),
    "CRC32": plain("my_crc32", "t", INTEGER),
    **dict.fromkeys(("GREATEST", "LEAST"), _extreme),
}
_CHOICES = {
    **dict.fromkeys(("COALESCE", "IFNULL"), _coalesce),
    "NULLIF": _nullif,
    "ISNULL": _isnull,
}
_FACTS = {
    "VERSION": fact("version"),
    **dict.fromkeys(("DATABASE", "SCHEMA"), _database),
    **dict.fromkeys(("USER", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER"), fact("user")),
    "CONNECTION_ID": fact("connection_id", INTEGER),
    "FOUND_ROWS": fact("found_rows", INTEGER),
    "LAST_INSERT_ID": fact("last_insert_id", INTEGER),
    "ROW_COUNT": fact("row_count", INTEGER),
    "SLEEP": lambda node, block: Value(
        f"my_sleep({as_number(only_argument(node, block)).sql})", INTEGER
    ),
    "LOAD_FILE": _refused,
}

CALLS: dict[str, Any] = {**_STRINGS, **_NUMBERS, **_CHOICES, **DATE_CALLS, **_FACTS, **AGGREGATIONS}
"""Handlers by the name in capitals."""
