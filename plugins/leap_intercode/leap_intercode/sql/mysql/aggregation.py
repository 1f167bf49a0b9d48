"""Aggregates and window functions."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql import kinds
from leap_intercode.sql.mysql.block import Block, Handler
from leap_intercode.sql.mysql.errors import MysqlError, unsupported, wrong_arguments
from leap_intercode.sql.mysql.kinds import DOUBLE, INTEGER, STRING, Kind
from leap_intercode.sql.mysql.values import (
    Value,
    as_number,
    as_text,
    literal,
    quoted,
    sorted_by,
    strongest,
)  # fmt: skip


def _inside(node: exp.Expr, block: Block) -> tuple[list[Value], bool]:
    """Return an aggregate's arguments, and whether DISTINCT stands before them.

    Raises:
        MysqlError: 1111, no aggregate may stand here.
    """
    windowed, block.windowed = block.windowed, False
    if not windowed:
        if not block.aggregates or block.aggregating:
            raise MysqlError(1111, "Invalid use of group function")
        block.aggregated = True
    arguments = list(node.expressions)
    distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = arguments[0].expressions
    block.aggregating += not windowed
    try:
        values = [literal(1) if isinstance(a, exp.Star) else block.value(a) for a in arguments]
    finally:
        block.aggregating -= not windowed
    return values, distinct


def _word(distinct: bool) -> str:
    return "DISTINCT " if distinct else ""


def _count(node: exp.Anonymous, block: Block) -> Value:
    starred = len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Star)
    values, distinct = _inside(node, block)
    if starred:
        return Value("count(*)", INTEGER)
    if not values or (len(values) > 1 and not distinct):
        raise wrong_arguments("COUNT")
    if len(values) > 1:
        listed = ", ".join(v.sql for v in values)
        return Value(f"count(DISTINCT my_key({listed}))", INTEGER)
    inner = sorted_by(values[0]) if distinct else values[0].sql
    return Value(f"count({_word(distinct)}{inner})", INTEGER)


def _sum(node: exp.Anonymous, block: Block) -> Value:
    values, distinct = _inside(node, block)
    if len(values) != 1:
        raise wrong_arguments("SUM")
    value = as_number(values[0])
    sql = f"sum({_word(distinct)}{value.sql})"
    if value.kind.name == kinds.REAL:
        return Value(sql, Kind(kinds.REAL, value.kind.scale))
    kind = kinds.decimal(value.kind.digits)
    return Value(f"round({sql}, {kind.digits})" if kind.digits else sql, kind)


def _avg(node: exp.Anonymous, block: Block) -> Value:
    values, distinct = _inside(node, block)
    if len(values) != 1:
        raise wrong_arguments("AVG")
    value = as_number(values[0])
    sql = f"avg({_word(distinct)}{value.sql})"
    if value.kind.name == kinds.REAL:
        scale = None if value.kind.scale is None else value.kind.scale + 4
        return Value(sql, Kind(kinds.REAL, scale))
    return Value(sql, kinds.decimal(value.kind.digits + 4))


def _extreme(node: exp.Anonymous, block: Block) -> Value:
    values, _ = _inside(node, block)
    name = str(node.this).lower()
    if len(values) != 1:
        raise wrong_arguments(name)
    return Value(f"{name}({sorted_by(values[0])})", values[0].kind, values[0].collation)


def _any_value(node: exp.Anonymous, block: Block) -> Value:
    if len(node.expressions) != 1:
        raise wrong_arguments("ANY_VALUE")
    before = len(block.seen)
    value = block.value(node.expressions[0])
    del block.seen[before:]
    return Value(f"({value.sql})", value.kind, value.collation)


def _simple(function: str, kind: Kind) -> Handler:
    def handler(node: exp.Anonymous, block: Block) -> Value:
        values, _ = _inside(node, block)
        if len(values) != 1:
            raise wrong_arguments(str(node.this))
        return Value(f"{function}({as_number(values[0]).sql})", kind)

    return handler


def group_concat(node: exp.GroupConcat, block: Block) -> Value:
    """Return GROUP_CONCAT with its DISTINCT, ORDER BY and SEPARATOR."""
    inner, order = node.this, None
    if isinstance(inner, exp.Order):
        inner, order = inner.this, inner
    if isinstance(inner, exp.Distinct):
        parts, distinct = inner.expressions, 1
    else:
        parts, distinct = [inner], 0
    if len(parts) == 1 and isinstance(parts[0], exp.Distinct):
        parts, distinct = parts[0].expressions, 1
    keys = [] if order is None else order.expressions
    call = exp.Anonymous(this="GROUP_CONCAT", expressions=[*parts, *(key.this for key in keys)])
    values, _ = _inside(call, block)
    texts, sorts = values[: len(parts)], values[len(parts) :]
    text = as_text(texts[0]) if len(texts) == 1 else f"my_concat({', '.join(map(as_text, texts))})"
    separator = node.args.get("separator")
    mark = quoted(str(separator.this)) if separator is not None else "','"
    directions = "".join("d" if key.args.get("desc") else "a" for key in keys)
    arguments = [text, mark, str(distinct), f"'{directions}'", *(s.sql for s in sorts)]
    return Value(f"my_group_concat({', '.join(arguments)})", STRING, strongest(texts))


AGGREGATIONS: dict[str, Handler] = {
    "COUNT": _count,
    "SUM": _sum,
    "AVG": _avg,
    **dict.fromkeys(("MIN", "MAX"), _extreme),
    "ANY_VALUE": _any_value,
    **dict.fromkeys(("STD", "STDDEV", "STDDEV_POP"), _simple("my_std", DOUBLE)),
    **dict.fromkeys(("VARIANCE", "VAR_POP"), _simple("my_var", DOUBLE)),
    "STDDEV_SAMP": _simple("my_std_samp", DOUBLE),
    "VAR_SAMP": _simple("my_var_samp", DOUBLE),
    "BIT_OR": _simple("my_bit_or", Kind(kinds.INT, unsigned=True)),
    "BIT_AND": _simple("my_bit_and", Kind(kinds.INT, unsigned=True)),
    "BIT_XOR": _simple("my_bit_xor", Kind(kinds.INT, unsigned=True)),
}
"""Handlers of aggregates by name."""

_RANKS = frozenset("ROW_NUMBER RANK DENSE_RANK NTILE PERCENT_RANK CUME_DIST".split())
_SHIFTS = frozenset("LAG LEAD FIRST_VALUE LAST_VALUE NTH_VALUE".split())


def window(node: exp.Window, block: Block) -> Value:
    """Return a window function.

    Raises:
        MysqlError: 3593, no window function may stand here; 3579, no such window.
    """
    if block.clause in ("where clause", "on clause", "group statement", "having clause"):
        name = node.this.this if isinstance(node.this, exp.Anonymous) else "window"
        raise MysqlError(
            3593, f"You cannot use the window function '{str(name).lower()}' in this context.'"
        )
    function = node.this
    name = str(function.this).upper() if isinstance(function, exp.Anonymous) else ""
    if name in _RANKS | _SHIFTS:
        values = [block.value(argument) for argument in function.expressions]
        kind = _ranked(name, values)
        value = Value(f"{name.lower()}({', '.join(v.sql for v in values)})", kind)
        if values and name in _SHIFTS:
            value.collation = values[0].collation
    elif name in AGGREGATIONS and name in ("COUNT", "SUM", "AVG", "MIN", "MAX"):
        block.windowed = True
        value = AGGREGATIONS[name](function, block)
    else:
        raise unsupported(f"{name} OVER")
    over = f"OVER ({_specification(node, block)})"
    if value.sql.startswith("round("):
        inner = value.sql[len("round(") :].rpartition(", ")
        return Value(f"round({inner[0]} {over}, {inner[2]}", value.kind, value.collation)
    return Value(f"{value.sql} {over}", value.kind, value.collation)


def _ranked(name: str, values: list[Value]) -> Kind:
    if name in ("PERCENT_RANK", "CUME_DIST"):
        return DOUBLE
    if name in _RANKS:
        return INTEGER
    if not values:
        raise wrong_arguments(name)
    return values[0].kind


def _specification(node: exp.Window, block: Block) -> str:
    base: Any = node
    alias = node.args.get("alias")
    if alias is not None and not node.args.get("partition_by") and not node.args.get("order"):
        base = block.windows.get(alias.name.lower())
        if base is None:
            raise MysqlError(3579, f"Window name '{alias.name}' is not defined.")
    parts = []
    partition = base.args.get("partition_by") or []
    if partition:
        parts.append("PARTITION BY " + ", ".join(sorted_by(block.value(p)) for p in partition))
    order = base.args.get("order")
    if order is not None:
        keys = [
            sorted_by(block.value(key.this)) + (" DESC" if key.args.get("desc") else "")
            for key in order.expressions
        ]
        parts.append("ORDER BY " + ", ".join(keys))
    spec = base.args.get("spec")
    if spec is not None:
        start, end = _bound(spec, "start", block), _bound(spec, "end", block)
        kind = spec.args.get("kind") or "RANGE"
        parts.append(f"{kind} BETWEEN {start} AND {end or 'CURRENT ROW'}")
    return " ".join(parts)


def _bound(spec: exp.Expr, side: str, block: Block) -> str:
    bound, word = spec.args.get(side), spec.args.get(f"{side}_side")
    if bound is None:
        return ""
    if isinstance(bound, str):
        return f"{bound} {word}" if word else bound
    return f"{block.value(bound).sql} {word}"
