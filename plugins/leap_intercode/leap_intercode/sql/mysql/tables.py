"""The FROM clause: tables, subqueries, WITH queries and joins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from leap_intercode.sql.mysql.block import Block, Query
from leap_intercode.sql.mysql.errors import MysqlError, unknown_column, unsupported
from leap_intercode.sql.mysql.names import Relation, Scope, table_relation
from leap_intercode.sql.mysql.roworder import Plan, inside_parentheses
from leap_intercode.sql.mysql.values import Field, Value, as_truth, compare, named


@dataclass(slots=True)
class Source:
    """A translated FROM clause.

    Attributes:
        sql: for SQLite.
        stars: the columns of `*`, in order.
        plan: what its conditions say.
    """

    sql: str = ""
    stars: list[Value] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)


def source(node: exp.Select, block: Block, text_of: TextBefore) -> Source:
    """Return the FROM clause of a query, its relations added to the block's scope."""
    start = node.args.get("from_")
    made = Source()
    if start is None:
        if node.args.get("joins"):
            raise unsupported("a join without FROM")
        return made
    first = start.this
    if isinstance(first, exp.Table) and first.name.upper() == "DUAL" and not first.args.get("db"):
        return made
    made.sql, made.stars = _factor(first, block, made)
    visible = list(block.scope.relations)
    for join in [*(first.args.get("joins") or []), *(node.args.get("joins") or [])]:
        if text_of(join.this):
            visible = []
        visible = _join(join, block, made, visible)
    return made


class TextBefore:
    """Tells whether a comma stands before a table in the statement."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, node: exp.Expr) -> bool:
        """Whether a comma comes right before."""
        place = next(
            (n.meta["start"] for n in node.find_all(exp.Identifier) if "start" in n.meta), 0
        )
        return self.text[:place].rstrip(" \t\r\n(`").endswith(",")


def _factor(node: exp.Expr, block: Block, made: Source) -> tuple[str, list[Value]]:
    """Return one operand of a join."""
    if isinstance(node, exp.Table):
        sql, relation = _table(node, block)
    elif (
        isinstance(node, (exp.Subquery, exp.Paren))
        and isinstance(node.this, (exp.Table, exp.Subquery))
        and not node.alias
    ):
        return _nested(node.this, block, made, node.args.get("joins") or [])
    elif isinstance(node, exp.Subquery):
        sql, relation = _derived(node, block)
    else:
        raise unsupported(node.sql(dialect="mysql")[:60])
    block.scope.add(relation)
    return sql, [_value(one) for one in relation.fields]


def _nested(
    node: exp.Expr, block: Block, made: Source, joins: Sequence[exp.Expr]
) -> tuple[str, list[Value]]:
    before = list(block.scope.relations)
    inner = Source(plan=made.plan)
    inner.sql, inner.stars = _factor(node, block, inner)
    visible = [r for r in block.scope.relations if r not in before]
    for join in [*(node.args.get("joins") or []), *joins]:
        visible = _join(join, block, inner, visible)
    inside_parentheses(r for r in block.scope.relations if r not in before)
    return f"({inner.sql})", inner.stars


def _value(one: Field) -> Value:
    return Value(one.sql, one.kind, one.collation, column=one)


def _table(node: exp.Table, block: Block) -> tuple[str, Relation]:
    if not isinstance(node.this, exp.Identifier):
        raise unsupported(node.sql(dialect="mysql")[:60])
    context = block.context
    name, given = node.name, node.text("db")
    alias = node.alias or name
    label = context.label()
    query = None if given else context.ctes.get(name.lower())
    if query is not None:
        return f"{query.sql} AS {label}", _relation(query, alias, label)
    database = (given or context.database).lower()
    table = context.catalog.table(database, name)
    context.used.add((database, table.name))
    relation = table_relation(table, database, alias, label)
    return f"{named(f'{database}.{table.name}')} AS {label}", relation


def _derived(node: exp.Subquery, block: Block) -> tuple[str, Relation]:
    if not node.alias:
        raise MysqlError(1248, "Every derived table must have its own alias")
    context = block.context
    query = context.translate(node.this, context, block.scope.outer)
    names = [column.name for column in node.args["alias"].args.get("columns") or []]
    query = renamed(query, names, node.alias)
    label = context.label()
    return f"({query.sql}) AS {label}", _relation(query, node.alias, label)


def renamed(query: Query, names: Sequence[str], alias: str) -> Query:
    """Return a query with its columns named so.

    Raises:
        MysqlError: 1353 or 1060, too few names, or one twice.
    """
    if names and len(names) != len(query.columns):
        raise MysqlError(
            1353, "In definition of view, derived table or common table expression, SELECT list "
            "and column names list have different column counts"
        )  # fmt: skip
    seen = set()
    columns = []
    for place, column in enumerate(query.columns):
        name = names[place] if names else column.name
        if name.lower() in seen:
            raise MysqlError(1060, f"Duplicate column name '{name}'")
        seen.add(name.lower())
        columns.append(Field(name, column.kind, column.collation, column.sql, null=column.null))
    return Query(query.sql, columns, query.single, query.limited, query.unique)


def _relation(query: Query, alias: str, label: str) -> Relation:
    fields = [
        Field(c.name, c.kind, c.collation, f"{label}.{c.sql}", f"{alias}.{c.name}", c.null)
        for c in query.columns
    ]
    keys = [frozenset(fields[i] for i in query.unique)] if query.unique is not None else []
    if query.single:
        keys = [frozenset()]
    return Relation(alias.lower(), "", fields, keys)


def _join(join: exp.Expr, block: Block, made: Source, visible: list[Relation]) -> list[Relation]:
    """Add a join; return the relations that a following ON may name."""
    scope = block.scope
    before = list(scope.relations)
    right_sql, right_stars = _factor(join.this, block, made)
    added = [relation for relation in scope.relations if relation not in before]
    side, method = (join.args.get("side") or "").upper(), (join.args.get("method") or "").upper()
    on, using = join.args.get("on"), [u.name for u in join.args.get("using") or []]
    if side and on is None and not using and not method:
        raise unsupported(f"{side} JOIN without a condition")
    nested = list(join.this.args.get("joins") or [])
    inner_visible = [*visible, *added]
    for one in nested:
        raise unsupported(one.sql(dialect="mysql")[:60])
    if method == "NATURAL":
        names = {v.column.name.lower() for v in right_stars if v.column}
        using = [v.column.name for v in made.stars if v.column and v.column.name.lower() in names]
    if side == "RIGHT":
        made.plan.after += [(first, later) for first in before for later in added]
    elif side == "LEFT":
        made.plan.after += [(later, first) for first in before for later in added]
    condition = ""
    if using:
        condition = _using(using, visible, added, block, made, right_stars, side)
    elif on is not None:
        condition = _condition(on, block, inner_visible, made)
    if not using:
        made.stars = [*made.stars, *right_stars]
    if side == "RIGHT":
        left = made.sql
        if " JOIN " in left:
            left = f"({left})"
            inside_parentheses(before)
        made.sql = f"{right_sql} LEFT JOIN {left} ON {condition or '1'}"
    elif side == "LEFT":
        made.sql += f" LEFT JOIN {right_sql} ON {condition or '1'}"
    else:
        made.sql += f" JOIN {right_sql}" + (f" ON {condition}" if condition else "")
    return inner_visible


def _condition(on: exp.Expr, block: Block, visible: list[Relation], made: Source) -> str:
    clause, block.clause = block.clause, "on clause"
    scope, block.scope = block.scope, Scope(visible, block.scope.outer, block.scope.merged)
    try:
        made.plan.equal += equalities(on, block)
        return as_truth(block.value(on))
    finally:
        block.clause, block.scope = clause, scope
        block.seen.clear()


def equalities(node: exp.Expr, block: Block) -> Iterator[tuple[Field, Field | None]]:
    """Yield what a condition makes equal: two columns, or a column and None for a constant."""
    found: list[tuple[Field, Field | None]] = []
    for part in conjuncts(node):
        if not isinstance(part, exp.EQ):
            continue
        sides = [part.this, part.expression]
        if not all(isinstance(s, (exp.Column, exp.Literal, exp.Paren, exp.Neg)) for s in sides):
            continue
        one, other = (block.value(s) for s in sides)
        if one.column and other.column:
            found += [(one.column, other.column), (other.column, one.column)]
        elif one.column or other.column:
            column = one.column or other.column
            assert column is not None
            found.append((column, None))
    return iter(found)


def conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the parts of a condition that AND joins."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, exp.And):
            waiting += [one.expression, one.this]
        elif isinstance(one, exp.Paren):
            waiting.append(one.this)
        else:
            yield one


def _using(
    names: Sequence[str],
    visible: Sequence[Relation],
    added: Sequence[Relation],
    block: Block,
    made: Source,
    right_stars: list[Value],
    side: str,
) -> str:
    """Return the condition of USING, and make each pair of columns one."""
    left_scope = Scope(list(visible), None, dict(block.scope.merged))
    right_scope = Scope(list(added))
    conditions, merged, gone = [], [], set()
    for name in names:
        left = left_scope.find(name, "", "", "from clause")
        right = right_scope.find(name, "", "", "from clause")
        if left is None or right is None:
            raise unknown_column(name, "from clause")
        conditions.append(compare("=", left, right))
        if left.column and right.column:
            made.plan.equal += [(left.column, right.column), (right.column, left.column)]
        kept = right if side == "RIGHT" else left
        block.scope.merged[name.lower()] = kept
        merged.append(kept)
        gone |= {left.sql, right.sql}
    lefts = [value for value in made.stars if value.sql not in gone]
    rights = [value for value in right_stars if value.sql not in gone]
    made.stars = [*merged, *rights, *lefts] if side == "RIGHT" else [*merged, *lefts, *rights]
    return " AND ".join(conditions)
