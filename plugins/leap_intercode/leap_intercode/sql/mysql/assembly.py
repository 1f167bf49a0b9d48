"""A translated SELECT put together: groups, distinct rows, rollup, the order of rows, limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from leap_intercode.sql.mysql.block import Block, Query
from leap_intercode.sql.mysql.errors import unsupported
from leap_intercode.sql.mysql.roworder import terms
from leap_intercode.sql.mysql.tables import Source
from leap_intercode.sql.mysql.values import Field, Value, sorted_by

Outputs = list[tuple[str, Value]]


@dataclass(slots=True)
class Parts:
    """The clauses of a query, translated."""

    outputs: Outputs = field(default_factory=list)
    checks: list[tuple[int, list[Field]]] = field(default_factory=list)
    groups: list[Value] = field(default_factory=list)
    where: str = ""
    having: str = ""
    order: list[str] = field(default_factory=list)


def limits(node: exp.Expr) -> str:
    """Return LIMIT and OFFSET.

    Raises:
        MysqlError: they are no whole numbers.
    """
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if limit is None:
        return ""
    numbers = [limit.expression, offset.expression if offset is not None else None]
    for number in numbers:
        if number is not None and not (isinstance(number, exp.Literal) and number.name.isdigit()):
            raise unsupported("LIMIT with something else than a number")
    sql = f" LIMIT {min(int(numbers[0].name), 2**62)}"
    return sql + (f" OFFSET {min(int(numbers[1].name), 2**62)}" if numbers[1] is not None else "")


def assembled(node: exp.Select, block: Block, origin: Source, parts: Parts) -> Query:
    """Return the query of a SELECT without WITH ROLLUP."""
    grouped = node.args.get("group") is not None
    aggregated = grouped or block.aggregated
    origin.plan.groups = [value.column for value in parts.groups if value.column is not None]
    met = terms(block.scope.relations, origin.plan, block.context.touched)
    listed = ", ".join(f"{v.sql} AS c{i}" for i, (_, v) in enumerate(parts.outputs))
    sql = f"SELECT {listed}" + (f" FROM {origin.sql}" if origin.sql else "")
    conditions = [parts.where] if parts.where else []
    if parts.having and not aggregated:
        conditions.append(parts.having)
    if conditions:
        sql += f" WHERE {' AND '.join(conditions)}"
    if grouped:
        inner = [v for v in parts.groups if v.column is None or block.scope.owns(v.column)]
        sql += f" GROUP BY {', '.join(_key(value) for value in inner) or 'NULL'}"
    if parts.having and aggregated:
        sql += f" HAVING {parts.having}"
    order = list(parts.order)
    if grouped:
        order += _first_met(met)
    elif not aggregated:
        order += met
    if node.args.get("distinct"):
        return _distinct(sql, order, node, parts)
    if order and (grouped or not aggregated):
        sql += f" ORDER BY {', '.join(order)}"
    query = _query(sql + limits(node), parts, node, _unique(parts, grouped))
    query.single = query.single or (block.aggregated and not grouped) or not origin.sql
    return query


def _distinct(sql: str, order: list[str], node: exp.Select, parts: Parts) -> Query:
    """Return a query without rows that are equal by their collations; the first of them stay."""
    keys = [sorted_by(_output(i, v)) for i, (_, v) in enumerate(parts.outputs)]
    listed = ", ".join(f"c{i}" for i in range(len(keys)))
    tail = f" ORDER BY {', '.join(order)}" if order else ""
    numbered = f"SELECT {listed}, row_number() OVER () AS n FROM ({sql}{tail})"
    sql = f"SELECT {listed} FROM ({numbered}) GROUP BY {', '.join(keys)} ORDER BY min(n)"
    sql += limits(node)
    return _query(sql, parts, node, frozenset(range(len(keys))))


def _key(value: Value) -> str:
    if isinstance(value.literal, (int, float)):
        return f"{value.sql} + 0"
    return sorted_by(value)


def _output(place: int, value: Value) -> Value:
    return Value(f"c{place}", value.kind, value.collation)


def _first_met(met: list[str]) -> list[str]:
    """Return the order of groups without ORDER BY: that in which their first rows are met."""
    if not met or len(met) > 3:
        return []
    bits = 62 // len(met)
    sums = " + ".join(
        f"ifnull({row}, 0) * {1 << (bits * (len(met) - 1 - place))}"
        for place, row in enumerate(met)
    )
    return [f"min({sums})"]


def _unique(parts: Parts, grouped: bool) -> frozenset[int] | None:
    if not grouped:
        return None
    places = {value.sql: place for place, (_, value) in enumerate(parts.outputs)}
    if all(value.sql in places for value in parts.groups):
        return frozenset(places[value.sql] for value in parts.groups)
    return None


def _query(sql: str, parts: Parts, node: exp.Expr, unique: frozenset[int] | None) -> Query:
    columns = [
        Field(
            name,
            value.kind,
            value.collation,
            f"c{place}",
            null=value.column is None or value.column.null,
        )
        for place, (name, value) in enumerate(parts.outputs)
    ]
    limit = node.args.get("limit")
    single = limit is not None and limit.expression.name in ("0", "1")
    return Query(sql, columns, single, limit is not None, unique)


def rolled_up(
    node: exp.Select, block: Block, origin: Source, parts: Parts, again: Callable[[], Outputs]
) -> Query:
    """Return GROUP BY … WITH ROLLUP: each level's groups, its total after them.

    `again` translates the select list once more, for the level that the block is at.
    """
    group = node.args["group"]
    levels = []
    keys = [value.sql for value in parts.groups]
    for count in range(len(keys), -1, -1):
        block.rolled = frozenset(keys[count:])
        block.seen.clear()
        outputs = again()
        marks = [
            f"{0 if place < count else 1} AS k{place}, "
            f"{key if place < count else 'NULL'} AS v{place}"
            for place, key in enumerate(keys)
        ]
        listed = ", ".join([*(f"{v.sql} AS c{i}" for i, (_, v) in enumerate(outputs)), *marks])
        sql = f"SELECT {listed}" + (f" FROM {origin.sql}" if origin.sql else "")
        sql += f" WHERE {parts.where}" if parts.where else ""
        if count:
            sql += f" GROUP BY {', '.join(_key(value) for value in parts.groups[:count])}"
        else:
            sql += " GROUP BY NULL"
        levels.append(sql + (f" HAVING {parts.having}" if parts.having else ""))
    block.rolled = frozenset()
    listed = ", ".join(f"c{i}" for i in range(len(parts.outputs)))
    order = []
    for place, value in enumerate(parts.groups):
        key = sorted_by(Value(f"v{place}", value.kind, value.collation))
        order += [f"k{place}", key]
    chosen = parts.order or order
    sql = f"SELECT {listed} FROM ({' UNION ALL '.join(levels)}) ORDER BY {', '.join(chosen)}"
    assert group is not None
    return _query(sql + limits(node), parts, node, None)
