"""Choices, casts, and functions that have a grammar of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql import kinds
from leap_intercode.sql.mysql.block import Block, Handler
from leap_intercode.sql.mysql.collation import BINARY, GENERAL, UCA
from leap_intercode.sql.mysql.errors import unsupported, wrong_arguments
from leap_intercode.sql.mysql.kinds import BYTES, CLOCK, DAY, INTEGER, MOMENT, STRING
from leap_intercode.sql.mysql.values import (
    Value,
    as_integer,
    as_number,
    as_text,
    as_truth,
    compare,
    literal,
    strongest,
    unified,
)  # fmt: skip


def _case(node: exp.Case, block: Block) -> Value:
    base = block.value(node.this) if node.this is not None else None
    tests, results = [], []
    for branch in node.args["ifs"]:
        test = block.value(branch.this)
        tests.append(as_truth(test) if base is None else compare("=", base, test))
        results.append(block.value(branch.args["true"]))
    default = node.args.get("default")
    results.append(block.value(default) if default is not None else literal(None))
    kind, sqls = unified(results)
    whens = " ".join(f"WHEN {t} THEN {r}" for t, r in zip(tests, sqls, strict=False))
    return Value(f"CASE {whens} ELSE {sqls[-1]} END", kind, strongest(results))


def _if(node: exp.If, block: Block) -> Value:
    yes, no = node.args.get("true"), node.args.get("false")
    if yes is None or no is None:
        raise wrong_arguments("IF")
    results = [block.value(yes), block.value(no)]
    kind, sqls = unified(results)
    test = as_truth(block.value(node.this))
    return Value(f"CASE WHEN {test} THEN {sqls[0]} ELSE {sqls[1]} END", kind, strongest(results))


def cast(value: Value, to: str, sizes: Sequence[int]) -> Value:
    """Return CAST(value AS to(sizes))."""
    if to in ("BIGINT", "INT", "SIGNED", "UBIGINT", "UINT", "UNSIGNED", "YEAR"):
        kind = kinds.Kind(kinds.INT, unsigned=to.startswith("U"))
        return Value(f"my_signed({value.sql})", kind)
    if to == "DECIMAL":
        precision, scale = (*sizes, 10, 0)[:2] if len(sizes) != 1 else (sizes[0], 0)
        return Value(
            f"my_castdec({as_number(value).sql}, {precision}, {scale})", kinds.decimal(scale)
        )
    if to in ("DOUBLE", "FLOAT", "REAL"):
        return Value(
            f"CAST({as_number(value).sql} AS REAL)", kinds.Kind(kinds.REAL, single=to == "FLOAT")
        )
    if to == "DATE":
        return Value(f"my_date({value.sql})", DAY)
    if to in ("DATETIME", "TIMESTAMP"):
        return Value(f"my_datetime({value.sql})", MOMENT)
    if to == "TIME":
        return Value(f"my_time({value.sql})", CLOCK)
    if to in ("CHAR", "VARCHAR", "NCHAR", "TEXT", "CHARACTER_SET", "BINARY", "VARBINARY"):
        text = as_text(value)
        sql = f"my_left({text}, {sizes[0]})" if sizes else text
        binary = to.endswith("BINARY")
        return Value(sql, BYTES if binary else STRING, BINARY if binary else value.collation)
    raise unsupported(f"CAST AS {to}")


def _cast(node: exp.Cast, block: Block) -> Value:
    to = node.args["to"]
    name = to.this.name if hasattr(to.this, "name") else str(to.this)
    sizes = [int(size.name) for size in to.expressions if size.name.isdigit()]
    return cast(block.value(node.this), name.upper(), sizes)


def _collate(node: exp.Collate, block: Block) -> Value:
    value = block.value(node.this)
    name = node.expression.name.lower()
    collation = BINARY if name.endswith(("_bin", "_cs")) else UCA if "_0900_" in name else GENERAL
    return Value(as_text(value), STRING, collation, value.literal)


def _introduced(node: exp.Introducer, block: Block) -> Value:
    return block.value(node.expression)


# -- functions with a grammar of their own --------------------------------------------------------


def _trim(node: exp.Trim, block: Block) -> Value:
    value = block.value(node.this)
    mark = as_text(block.value(node.expression)) if node.expression is not None else "' '"
    side = str(node.args.get("position") or "BOTH").upper()
    return Value(f"my_trim({as_text(value)}, {mark}, '{side}')", STRING, strongest([value]))


def _substring(node: exp.Substring, block: Block) -> Value:
    value = block.value(node.this)
    parts = [node.args.get("start"), node.args.get("length")]
    numbers = [as_integer(block.value(part)) for part in parts if part is not None]
    if not numbers:
        raise wrong_arguments("SUBSTRING")
    sql = f"my_substring({', '.join([as_text(value), *numbers])})"
    return Value(sql, STRING, strongest([value]))


def _position(node: exp.StrPosition, block: Block) -> Value:
    value, mark = block.value(node.this), block.value(node.args["substr"])
    collation = strongest((value, mark))
    return Value(f"my_position({as_text(mark)}, {as_text(value)}, 1, '{collation}')", INTEGER)


def _extract(node: exp.Extract, block: Block) -> Value:
    unit, value = node.name.upper(), block.value(node.expression)
    if unit == "YEAR_MONTH":
        return Value(f"(my_year({value.sql}) * 100 + my_month({value.sql}))", INTEGER)
    name = {"DAY": "my_day", "WEEK": "my_week"}.get(unit, f"my_{unit.lower()}")
    if unit not in (
        "YEAR",
        "MONTH",
        "DAY",
        "QUARTER",
        "HOUR",
        "MINUTE",
        "SECOND",
        "WEEK",
        "MICROSECOND",
    ):
        raise unsupported(f"EXTRACT({unit} …)")
    return Value(f"{name}({value.sql}{', 0' if unit == 'WEEK' else ''})", INTEGER)


def _joined(node: exp.Expr, block: Block) -> Value:
    values = [block.value(item) for item in node.expressions]
    if all(isinstance(v.literal, str) for v in values):
        return literal("".join(v.literal for v in values))
    return Value(f"my_concat({', '.join(as_text(v) for v in values)})", STRING, strongest(values))


CHOICES: dict[type[Any], Handler] = {
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.Collate: _collate,
    exp.Introducer: _introduced,
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.StrPosition: _position,
    exp.Extract: _extract,
    exp.Concat: _joined,
}
"""Handlers by the kind of node."""
