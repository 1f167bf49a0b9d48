"""Predicates: comparisons of values, rows and subqueries, IN, BETWEEN, LIKE, REGEXP, IS, EXISTS."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql.block import Block, Handler, Query
from leap_intercode.sql.mysql.errors import MysqlError, unsupported
from leap_intercode.sql.mysql.kinds import INTEGER
from leap_intercode.sql.mysql.values import (
    Value,
    as_text,
    as_truth,
    comparable,
    compare,
    quoted,
    strongest,
)  # fmt: skip

_COMPARISONS = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "IS",
}  # fmt: skip


def _compare(node: exp.Binary, block: Block) -> Value:
    left, right = node.this, node.expression
    operator = _COMPARISONS[type(node)]
    if isinstance(right, (exp.Any, exp.All)):
        return _quantified(node, operator, block)
    if isinstance(left, exp.Tuple) or isinstance(right, exp.Tuple):
        return _rows(operator, left, right, block)
    return Value(compare(operator, block.value(left), block.value(right)), INTEGER)


def _rows(operator: str, left: exp.Expr, right: exp.Expr, block: Block) -> Value:
    ones, others = _items(left, block), _items(right, block)
    if len(ones) != len(others):
        raise MysqlError(1241, f"Operand should contain {len(ones)} column(s)")
    pairs = list(zip(ones, others, strict=True))
    if operator in ("=", "IS"):
        return Value("(" + " AND ".join(compare(operator, a, b) for a, b in pairs) + ")", INTEGER)
    if operator == "<>":
        return Value("(" + " OR ".join(compare(operator, a, b) for a, b in pairs) + ")", INTEGER)
    strict = operator[0]
    made = compare(operator, *pairs[-1])
    for a, b in reversed(pairs[:-1]):
        made = f"({compare(strict, a, b)} OR ({compare('=', a, b)} AND {made}))"
    return Value(made, INTEGER)


def _items(node: exp.Expr, block: Block) -> list[Value]:
    if isinstance(node, exp.Tuple):
        return [block.value(item) for item in node.expressions]
    if isinstance(node, exp.Subquery):
        query = block.context.translate(node, block.context, block.scope)
        return [
            Value(f"(SELECT {c.sql} FROM ({query.sql}) LIMIT 1)", c.kind, c.collation)
            for c in query.columns
        ]
    return [block.value(node)]


def _quantified(node: exp.Binary, operator: str, block: Block) -> Value:
    left = block.value(node.this)
    inner = node.expression.this
    inner = inner.this if isinstance(inner, exp.Paren) else inner
    if not isinstance(inner, (exp.Query, exp.Subquery)):
        raise unsupported("ANY without a subquery")
    query = one_column(inner, block)
    if query.limited:
        raise limit_in_subquery()
    each = compare(operator, left, _value_of(query))
    some = isinstance(node.expression, exp.Any)
    best, other = ("max", 1) if some else ("min", 0)
    sql = (
        f"(SELECT CASE WHEN count(*) = 0 THEN {1 - other} WHEN {best}(t) = {other} THEN {other} "
        f"WHEN count(t) < count(*) THEN NULL ELSE {1 - other} END "
        f"FROM (SELECT {each} AS t FROM ({query.sql})))"
    )
    return Value(sql, INTEGER)


def _is(node: exp.Is, block: Block) -> Value:
    left, right = node.this, node.expression
    negate = isinstance(right, exp.Not)
    right = right.this if negate else right
    value = block.value(left)
    if isinstance(right, exp.Null):
        sql = f"({value.sql} IS NULL)"
    elif isinstance(right, exp.Boolean):
        truth = as_truth(value)
        sql = f"(ifnull({truth}, 0) <> 0)" if right.this else f"(ifnull({truth}, 1) = 0)"
    else:
        raise unsupported("IS with something else than NULL, TRUE, FALSE")
    return Value(f"(NOT {sql})" if negate else sql, INTEGER)


def _negatable(node: exp.Expr, sql: str) -> Value:
    return Value(f"(NOT {sql})" if node.args.get("negate") else sql, INTEGER)


def _like(node: exp.Expr, block: Block, escape: str = "\\") -> Value:
    value, pattern = block.value(node.this), block.value(node.expression)
    collation = strongest((value, pattern))
    sql = f"my_like({as_text(value)}, {as_text(pattern)}, {quoted(escape)}, '{collation}')"
    return _negatable(node, sql)


def _escaped(node: exp.Escape, block: Block) -> Value:
    escape = block.value(node.expression)
    if not isinstance(escape.literal, str) or len(escape.literal) > 1:
        raise MysqlError(1210, "Incorrect arguments to ESCAPE")
    inner = node.this
    if isinstance(inner, exp.Not):
        return Value(f"(NOT {_like(inner.this, block, escape.literal).sql})", INTEGER)
    return _like(inner, block, escape.literal)


def _regexp(node: exp.RegexpLike, block: Block) -> Value:
    value, pattern = block.value(node.this), block.value(node.expression)
    collation = strongest((value, pattern))
    return _negatable(node, f"my_regexp({as_text(value)}, {as_text(pattern)}, '', '{collation}')")


def _between(node: exp.Between, block: Block) -> Value:
    value, low, high = (block.value(node.args[key]) for key in ("this", "low", "high"))
    sql = f"({compare('>=', value, low)} AND {compare('<=', value, high)})"
    return _negatable(node, sql)


def _in(node: exp.In, block: Block) -> Value:
    query = node.args.get("query")
    if query is not None:
        return _negatable(node, _in_query(node.this, query, block))
    if not node.expressions:
        raise unsupported("IN with no values")
    if isinstance(node.this, exp.Tuple):
        rows = [_rows("=", node.this, item, block).sql for item in node.expressions]
        return _negatable(node, f"({' OR '.join(rows)})")
    value = block.value(node.this)
    items = [block.value(item) for item in node.expressions]
    if all(i.kind.textual for i in (value, *items)):
        listed = ", ".join(i.sql for i in items)
        collation = strongest((value, *items))
        return _negatable(node, f"({value.sql} COLLATE {collation} IN ({listed}))")
    if all(i.kind.numeric for i in (value, *items)):
        return _negatable(node, f"({value.sql} IN ({', '.join(i.sql for i in items)}))")
    return _negatable(node, f"({' OR '.join(compare('=', value, item) for item in items)})")


def _in_query(left: exp.Expr, node: exp.Expr, block: Block) -> str:
    clause, block.clause = block.clause, "IN/ALL/ANY subquery"
    values = [block.value(i) for i in (left.expressions if isinstance(left, exp.Tuple) else [left])]
    block.clause = clause
    query = block.context.translate(node, block.context, block.scope)
    if query.limited:
        raise limit_in_subquery()
    if len(values) != len(query.columns):
        raise MysqlError(1241, f"Operand should contain {len(values)} column(s)")
    lefts, rights = [], []
    for value, column in zip(values, query.columns, strict=True):
        one, other = _pair(value, Value(column.sql, column.kind, column.collation))
        lefts.append(one)
        rights.append(other)
    left_sql = f"({', '.join(lefts)})" if len(lefts) > 1 else lefts[0]
    return f"({left_sql} IN (SELECT {', '.join(rights)} FROM ({query.sql})))"


def _pair(value: Value, other: Value) -> tuple[str, str]:
    plain = Value(value.sql, value.kind, value.collation)
    one, two = comparable(plain, other)
    if one.kind.textual and two.kind.textual:
        return f"{one.sql} COLLATE {strongest((one, two))}", two.sql
    return one.sql, two.sql


def limit_in_subquery() -> MysqlError:
    """Return the error for LIMIT in a subquery of IN, ANY, ALL or SOME."""
    return MysqlError(
        1235, "This version of MySQL doesn't yet support 'LIMIT & IN/ALL/ANY/SOME subquery'"
    )


def one_column(node: exp.Expr, block: Block) -> Query:
    """Return a subquery of one column.

    Raises:
        MysqlError: 1241, it has more.
    """
    query = block.context.translate(node, block.context, block.scope)
    if len(query.columns) != 1:
        raise MysqlError(1241, "Operand should contain 1 column(s)")
    return query


def _value_of(query: Query) -> Value:
    column = query.columns[0]
    return Value(column.sql, column.kind, column.collation)


def _subquery(node: exp.Expr, block: Block) -> Value:
    query = one_column(node, block)
    column = query.columns[0]
    if query.single:
        return Value(f"({query.sql})", column.kind, column.collation)
    sql = (
        f"(SELECT CASE WHEN count(*) > 1 THEN my_fail(1242) ELSE max({column.sql}) END "
        f"FROM (SELECT {column.sql} FROM ({query.sql}) LIMIT 2))"
    )
    return Value(sql, column.kind, column.collation)


def _exists(node: exp.Exists, block: Block) -> Value:
    query = block.context.translate(node.this, block.context, block.scope)
    return Value(f"EXISTS ({query.sql})", INTEGER)


PREDICATES: dict[type[Any], Handler] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    exp.Is: _is,
    exp.Like: _like,
    exp.Escape: _escaped,
    exp.RegexpLike: _regexp,
    exp.Between: _between,
    exp.In: _in,
    exp.Exists: _exists,
    **dict.fromkeys((exp.Subquery, exp.Select, exp.Union), _subquery),
}
"""Handlers by the kind of node."""
