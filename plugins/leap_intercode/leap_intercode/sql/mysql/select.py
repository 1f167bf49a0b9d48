"""Queries: SELECT with all its clauses, as one query of SQLite."""

from __future__ import annotations

from functools import partial

from sqlglot import exp

from leap_intercode.sql.mysql.aggregation import group_concat, window
from leap_intercode.sql.mysql.assembly import Outputs, Parts, assembled, rolled_up
from leap_intercode.sql.mysql.block import Block, Context, Query
from leap_intercode.sql.mysql.errors import MysqlError, unsupported
from leap_intercode.sql.mysql.expressions import translate
from leap_intercode.sql.mysql.grouping import determined, not_aggregated, not_grouped
from leap_intercode.sql.mysql.names import Scope
from leap_intercode.sql.mysql.tables import Source, TextBefore, conjuncts, equalities, source
from leap_intercode.sql.mysql.values import Field, Value, as_truth, sorted_by

_MOST_COLUMNS = 1900
_KNOWN = frozenset(
    "with_ expressions distinct from_ joins where group having windows order limit offset locks "
    "operation_modifiers".split()
)


def select(node: exp.Select, context: Context, outer: Scope | None, text: str) -> Query:
    """Return a SELECT for SQLite.

    Raises:
        MysqlError: MySQL refuses it, or this store does not know it.
    """
    for key, given in node.args.items():
        if given and key not in _KNOWN:
            raise unsupported(key.rstrip("_").upper())
    if len(node.expressions) > _MOST_COLUMNS:
        raise MysqlError(1117, "Too many columns")
    block = Block(context, Scope(outer=outer))
    block.value = partial(_value, block=block)
    for one in node.args.get("windows") or []:
        block.windows[one.name.lower()] = one
    origin = source(node, block, TextBefore(text))
    parts = Parts()
    _outputs(node, block, origin, parts)
    _where(node, block, origin, parts)
    if node.args.get("group") is not None:
        _groups(node.args["group"], node, block, parts)
    _check(node, block, origin, parts)
    _having(node, block, origin, parts)
    _order(node, block, origin, parts)
    group = node.args.get("group")
    if group is not None and (group.args.get("rollup") or _with_rollup(group)):
        return rolled_up(node, block, origin, parts, partial(_again, node, block, origin))
    return assembled(node, block, origin, parts)


def _value(node: exp.Expr, block: Block) -> Value:
    if isinstance(node, exp.Window):
        return window(node, block)
    if isinstance(node, exp.GroupConcat):
        return group_concat(node, block)
    return translate(node, block)


# -- select list and groups -----------------------------------------------------------------------


def _outputs(node: exp.Select, block: Block, origin: Source, parts: Parts) -> None:
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


def _where(node: exp.Select, block: Block, origin: Source, parts: Parts) -> None:
    where = node.args.get("where")
    if where is None:
        return
    block.clause = "where clause"
    parts.where = as_truth(block.value(where.this))
    origin.plan.equal += equalities(where.this, block)
    _filters(where.this, block, origin)
    block.seen.clear()


_SHARES: dict[type[exp.Expr], float] = {
    exp.EQ: 0.1, exp.GT: 0.3333, exp.GTE: 0.3333, exp.LT: 0.3333, exp.LTE: 0.3333,
    exp.Between: 0.1111, exp.Like: 0.1111, exp.NEQ: 0.9,
}  # fmt: skip
"""The share of rows that a condition on a column keeps, where MySQL knows nothing better."""


def _filters(where: exp.Expr, block: Block, origin: Source) -> None:
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


def _item(item: exp.Expr, block: Block, origin: Source) -> Outputs:
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


def _again(node: exp.Select, block: Block, origin: Source) -> Outputs:
    """Return the select list once more."""
    block.clause, block.aggregates = "field list", True
    return [output for item in node.expressions for output in _item(item, block, origin)]


def _with_rollup(group: exp.Expr) -> bool:
    return any(isinstance(item, exp.Rollup) for item in group.expressions)


def _groups(group: exp.Expr, node: exp.Select, block: Block, parts: Parts) -> None:
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


def _group(item: exp.Expr, node: exp.Select, block: Block) -> Value | None:
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


def _refusing_aggregates(item: exp.Expr, block: Block, name: str = "") -> Value:
    try:
        return block.value(item)
    except MysqlError as error:
        if error.code == 1111:
            raise MysqlError(
                1056, f"Can't group on '{name or item.sql(dialect='mysql')}'"
            ) from None
        raise


def _check(node: exp.Select, block: Block, origin: Source, parts: Parts) -> None:
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


def _known(block: Block, origin: Source, parts: Parts) -> set[Field]:
    start = [value.column for value in parts.groups if value.column is not None]
    return determined(start, block.scope.relations, origin.plan.equal)


# -- having, order --------------------------------------------------------------------------------


def _having(node: exp.Select, block: Block, origin: Source, parts: Parts) -> None:
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


def _check_having(block: Block, parts: Parts) -> None:
    """Refuse columns that are neither grouped nor selected (1054)."""
    selected = {value.column for _, value in parts.outputs if value.column is not None}
    grouped = {value.column for value in parts.groups}
    for column in block.seen:
        if column not in selected and column not in grouped:
            name = (
                ".".join(column.path.split(".")[1:]) if column.path.count(".") > 1 else column.name
            )
            raise MysqlError(1054, f"Unknown column '{name}' in 'having clause'")


def _order(node: exp.Select, block: Block, origin: Source, parts: Parts) -> None:
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
