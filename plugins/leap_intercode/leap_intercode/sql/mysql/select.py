"""Queries: SELECT with all its clauses, as one query of SQLite."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from sqlglot import exp

from leap_intercode.sql.mysql.aggregation import group_concat, window
from leap_intercode.sql.mysql.block import Block, Context, Query
from leap_intercode.sql.mysql.errors import MysqlError, unsupported
from leap_intercode.sql.mysql.expressions import translate
from leap_intercode.sql.mysql.grouping import determined, not_aggregated, not_grouped
from leap_intercode.sql.mysql.names import Scope
from leap_intercode.sql.mysql.roworder import terms
from leap_intercode.sql.mysql.tables import Source, TextBefore, conjuncts, equalities, source
from leap_intercode.sql.mysql.values import Field, Value, as_truth, sorted_by

_KNOWN = frozenset(
    "with_ expressions distinct from_ joins where group having windows order limit offset locks "
    "operation_modifiers".split()
)


@dataclass(slots=True)
class _Parts:
    """The clauses of a query, translated."""

    outputs: list[tuple[str, Value]] = field(default_factory=list)
    checks: list[tuple[int, list[Field]]] = field(default_factory=list)
    groups: list[Value] = field(default_factory=list)
    where: str = ""
    having: str = ""
    order: list[str] = field(default_factory=list)


def select(node: exp.Select, context: Context, outer: Scope | None, text: str) -> Query:
    """Return a SELECT for SQLite.

    Raises:
        MysqlError: MySQL refuses it, or this store does not know it.
    """
    for key, given in node.args.items():
        if given and key not in _KNOWN:
            raise unsupported(key.rstrip("_").upper())
    block = Block(context, Scope(outer=outer))
    block.value = partial(_value, block=block)
    for one in node.args.get("windows") or []:
        block.windows[one.name.lower()] = one
    origin = source(node, block, TextBefore(text))
    parts = _Parts()
    _outputs(node, block, origin, parts)
    _where(node, block, origin, parts)
    if node.args.get("group") is not None:
        _groups(node.args["group"], node, block, parts)
    _check(node, block, origin, parts)
    _having(node, block, origin, parts)
    _order(node, block, origin, parts)
    group = node.args.get("group")
    if group is not None and (group.args.get("rollup") or _with_rollup(group)):
        return _rolled_up(node, block, origin, parts)
    return _assembled(node, block, origin, parts)


def _value(node: exp.Expression, block: Block) -> Value:
    if isinstance(node, exp.Window):
        return window(node, block)
    if isinstance(node, exp.GroupConcat):
        return group_concat(node, block)
    return translate(node, block)


# -- select list and groups -----------------------------------------------------------------------


def _outputs(node: exp.Select, block: Block, origin: Source, parts: _Parts) -> None:
    """Translate the select list."""
    block.aggregates = True
    for number, item in enumerate(node.expressions, 1):
        for name, value in _item(item, block, origin):
            parts.outputs.append((name, value))
            parts.checks.append((number, list(block.seen)))
            block.seen.clear()
            if isinstance(item, exp.Alias) or value.column is not None:
                block.aliases.setdefault(name.lower(), value)
    block.aggregates = False
    if not parts.outputs:
        raise unsupported("an empty select list")


def _where(node: exp.Select, block: Block, origin: Source, parts: _Parts) -> None:
    where = node.args.get("where")
    if where is None:
        return
    block.clause = "where clause"
    parts.where = as_truth(block.value(where.this))
    origin.plan.equal += equalities(where.this, block)
    _filters(where.this, block, origin)
    block.seen.clear()


_SHARES: dict[type[exp.Expression], float] = {
    exp.EQ: 0.1, exp.GT: 0.3333, exp.GTE: 0.3333, exp.LT: 0.3333, exp.LTE: 0.3333,
    exp.Between: 0.1111, exp.Like: 0.1111, exp.NEQ: 0.9,
}  # fmt: skip
"""The share of rows that a condition on a column keeps, where MySQL knows nothing better."""


def _filters(where: exp.Expression, block: Block, origin: Source) -> None:
    for part in conjuncts(where):
        share = _SHARES.get(type(part))
        if share is None or not isinstance(part.this, exp.Column):
            continue
        if part.expression is not None and not isinstance(part.expression, exp.Literal):
            continue
        column = block.value(part.this).column
        for relation in block.scope.relations:
            if column in relation.fields:
                kept = origin.plan.filters.get(id(relation), 1.0)
                origin.plan.filters[id(relation)] = kept * share


def _item(item: exp.Expression, block: Block, origin: Source) -> list[tuple[str, Value]]:
    if isinstance(item, exp.Star):
        if not block.scope.relations:
            raise MysqlError(1096, "No tables used")
        values = origin.stars
    elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        table, database = item.text("table").lower(), item.text("db").lower()
        found = [
            r for r in block.scope.relations
            if r.alias == table and (not database or not r.database or r.database == database)
        ]  # fmt: skip
        if not found:
            raise MysqlError(1051, f"Unknown table '{item.text('table')}'")
        values = [Value(f.sql, f.kind, f.collation, column=f) for f in found[0].fields]
    else:
        inner = item.this if isinstance(item, exp.Alias) else item
        value = block.value(inner)
        if isinstance(item, exp.Alias):
            return [(item.alias, value)]
        name = value.column.name if value.column else inner.sql(dialect="mysql")
        return [(name, value)]
    columns = [value.column for value in values if value.column is not None]
    block.seen += columns
    block.context.touched.update(columns)
    return [(value.column.name if value.column else "", value) for value in values]


def _with_rollup(group: exp.Expression) -> bool:
    return any(isinstance(item, exp.Rollup) for item in group.expressions)


def _groups(group: exp.Expression, node: exp.Select, block: Block, parts: _Parts) -> None:
    block.clause = "group statement"
    for item in group.expressions:
        if isinstance(item, exp.Rollup):
            continue
        if isinstance(item, exp.Ordered):
            item = item.this
        value = _group(item, node, block)
        block.seen.clear()
        if value is not None:
            parts.groups.append(value)
            block.groups[value.sql] = value


def _group(item: exp.Expression, node: exp.Select, block: Block) -> Value | None:
    if isinstance(item, exp.Literal) and not item.is_string:
        place = int(item.name) if item.name.isdigit() else 0
        if not 1 <= place <= len(node.expressions):
            raise MysqlError(1054, f"Unknown column '{item.name}' in 'group statement'")
        item = node.expressions[place - 1]
        item = item.this if isinstance(item, exp.Alias) else item
        return _refusing_aggregates(item, block)
    if isinstance(item, exp.Column) and not item.text("table"):
        found = block.scope.find(item.name, "", "", "group statement")
        if found is None:
            for one in node.expressions:
                if isinstance(one, exp.Alias) and one.alias.lower() == item.name.lower():
                    return _refusing_aggregates(one.this, block, one.alias)
    return block.value(item)


def _refusing_aggregates(item: exp.Expression, block: Block, name: str = "") -> Value:
    try:
        return block.value(item)
    except MysqlError as error:
        if error.code == 1111:
            raise MysqlError(1056, f"Can't group on '{name or item.sql(dialect='mysql')}'") from None
        raise


def _check(node: exp.Select, block: Block, origin: Source, parts: _Parts) -> None:
    """Refuse columns that neither an aggregate nor GROUP BY makes one (1055, 1140)."""
    grouped = node.args.get("group") is not None
    block.aggregates, block.clause = True, "field list"
    if not grouped and not block.aggregated:
        return
    if grouped:
        parts.outputs, parts.checks = [], []
        _outputs(node, block, origin, parts)
    known = _known(block, origin, parts)
    for number, seen in parts.checks:
        for column in seen:
            if column not in known:
                if grouped:
                    raise not_grouped(number, "field list", column)
                raise not_aggregated(number, column)


def _known(block: Block, origin: Source, parts: _Parts) -> set[Field]:
    start = [value.column for value in parts.groups if value.column is not None]
    return determined(start, block.scope.relations, origin.plan.equal)


# -- having, order --------------------------------------------------------------------------------


def _having(node: exp.Select, block: Block, origin: Source, parts: _Parts) -> None:
    having = node.args.get("having")
    if having is None:
        return
    block.clause, block.prefer_aliases, block.aggregates = "having clause", True, True
    before = block.aggregated
    parts.having = as_truth(block.value(having.this))
    grouped = node.args.get("group") is not None
    if block.aggregated and not before and not grouped:
        _check(node, block, origin, parts)
    _check_having(block, parts)
    block.prefer_aliases = False
    block.seen.clear()


def _check_having(block: Block, parts: _Parts) -> None:
    """Refuse columns that are neither grouped nor selected (1054)."""
    selected = {value.column for _, value in parts.outputs if value.column is not None}
    grouped = {value.column for value in parts.groups}
    for column in block.seen:
        if column not in selected and column not in grouped:
            name = ".".join(column.path.split(".")[1:]) if column.path.count(".") > 1 else column.name
            raise MysqlError(1054, f"Unknown column '{name}' in 'having clause'")


def _order(node: exp.Select, block: Block, origin: Source, parts: _Parts) -> None:
    order = node.args.get("order")
    if order is None:
        return
    block.clause, block.prefer_aliases, block.aggregates = "order clause", True, True
    outputs = {value.sql: place for place, (_, value) in enumerate(parts.outputs)}
    grouped = bool(parts.groups) or node.args.get("group") is not None
    known = _known(block, origin, parts) if grouped else set()
    before = block.aggregated
    for number, key in enumerate(order.expressions, 1):
        direction = " DESC" if key.args.get("desc") else ""
        block.seen.clear()
        item = key.this
        if isinstance(item, exp.Literal) and not item.is_string and item.name.isdigit():
            place = int(item.name) - 1
            if not 0 <= place < len(parts.outputs):
                raise MysqlError(1054, f"Unknown column '{item.name}' in 'order clause'")
            value = parts.outputs[place][1]
        else:
            value = block.value(item)
        if grouped:
            for column in block.seen:
                if column not in known:
                    raise not_grouped(number, "ORDER BY clause", column)
        elif node.args.get("distinct") and value.sql not in outputs and block.seen:
            raise MysqlError(
                3065,
                f"Expression #{number} of ORDER BY clause is not in SELECT list, references column "
                f"'{block.seen[0].path}' which is not in SELECT list; this is incompatible with "
                "DISTINCT",
            )
        if value.literal is None or isinstance(value.literal, (int, float, str)):
            continue
        sql = f"c{outputs[value.sql]}" if value.sql in outputs else value.sql
        parts.order.append(sorted_by(Value(sql, value.kind, value.collation)) + direction)
    if block.aggregated and not before and not grouped:
        for place, (_, value) in enumerate(parts.outputs, 1):
            if value.column is not None:
                raise not_aggregated(place, value.column)
    block.prefer_aliases = False


# -- putting together -----------------------------------------------------------------------------


def limits(node: exp.Expression) -> str:
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


def _assembled(node: exp.Select, block: Block, origin: Source, parts: _Parts) -> Query:
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


def _distinct(sql: str, order: list[str], node: exp.Select, parts: _Parts) -> Query:
    """Return a query without rows that are equal by their collations; the first of them stay."""
    keys = [sorted_by(_output(i, v)) for i, (_, v) in enumerate(parts.outputs)]
    listed = ", ".join(f"c{i}" for i in range(len(keys)))
    tail = f" ORDER BY {', '.join(order)}" if order else ""
    numbered = f"SELECT {listed}, row_number() OVER () AS n FROM ({sql}{tail})"
    sql = f"SELECT {listed} FROM ({numbered}) GROUP BY {', '.join(keys)} ORDER BY min(n){limits(node)}"
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
        f"ifnull({row}, 0) * {1 << (bits * (len(met) - 1 - place))}" for place, row in enumerate(met)
    )
    return [f"min({sums})"]


def _unique(parts: _Parts, grouped: bool) -> frozenset[int] | None:
    if not grouped:
        return None
    places = {value.sql: place for place, (_, value) in enumerate(parts.outputs)}
    if all(value.sql in places for value in parts.groups):
        return frozenset(places[value.sql] for value in parts.groups)
    return None


def _query(sql: str, parts: _Parts, node: exp.Expression, unique: frozenset[int] | None) -> Query:
    columns = [
        Field(name, value.kind, value.collation, f"c{place}", null=value.column is None or value.column.null)
        for place, (name, value) in enumerate(parts.outputs)
    ]
    limit = node.args.get("limit")
    single = limit is not None and limit.expression.name in ("0", "1")
    return Query(sql, columns, single, limit is not None, unique)


def _rolled_up(node: exp.Select, block: Block, origin: Source, parts: _Parts) -> Query:
    """Return GROUP BY … WITH ROLLUP: each level's groups, its total after them."""
    group = node.args["group"]
    levels = []
    keys = [value.sql for value in parts.groups]
    for count in range(len(keys), -1, -1):
        block.rolled = frozenset(keys[count:])
        block.seen.clear()
        outputs = []
        block.clause, block.aggregates = "field list", True
        for item in node.expressions:
            outputs += _item(item, block, origin)
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

