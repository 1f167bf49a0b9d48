"""Whole queries: parentheses, UNION and its kin, WITH."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from leap_intercode.sql.mysql.assembly import limits
from leap_intercode.sql.mysql.block import Context, Query
from leap_intercode.sql.mysql.errors import MysqlError, unsupported
from leap_intercode.sql.mysql.kinds import merged
from leap_intercode.sql.mysql.names import Scope
from leap_intercode.sql.mysql.select import select
from leap_intercode.sql.mysql.tables import renamed
from leap_intercode.sql.mysql.values import Field, Value, converted, sorted_by, strongest


class Translator:
    """Translates the queries of one statement."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, node: exp.Expr, context: Context, outer: Scope | None) -> Query:
        """Return a query for SQLite."""
        before = context.ctes
        clause = node.args.get("with_")
        if clause is not None:
            context.ctes = dict(before)
            prefix = self._ctes(clause, context, outer)
        try:
            query = self._query(node, context, outer)
        finally:
            context.ctes = before
        if clause is not None:
            query.sql = f"{prefix} {query.sql}"
        return query

    def _query(self, node: exp.Expr, context: Context, outer: Scope | None) -> Query:
        if isinstance(node, exp.Select):
            return select(node, context, outer, self.text)
        if isinstance(node, (exp.Subquery, exp.Paren)):
            query = self(node.this, context, outer)
            if any(node.args.get(key) for key in ("order", "limit")):
                return _ordered(query, node)
            return query
        if isinstance(node, exp.SetOperation):
            return self._combined(node, context, outer)
        raise unsupported(type(node).__name__.upper())

    def _ctes(self, clause: exp.Expr, context: Context, outer: Scope | None) -> str:
        made = []
        recursive = bool(clause.args.get("recursive"))
        for cte in clause.expressions:
            names = [column.name for column in cte.args["alias"].args.get("columns") or []]
            alias, label = cte.alias, f"w{context.label()}"
            if recursive and isinstance(cte.this, exp.SetOperation):
                query = self._recursive(cte.this, names, alias, label, context, outer)
            else:
                query = renamed(self(cte.this, context, outer), names, alias)
            listed = ", ".join(column.sql for column in query.columns)
            made.append(f"{label}({listed}) AS ({query.sql})")
            context.ctes[alias.lower()] = Query(label, query.columns, unique=query.unique)
        return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(made)}"

    def _recursive(
        self,
        node: exp.SetOperation,
        names: Sequence[str],
        alias: str,
        label: str,
        context: Context,
        outer: Scope | None,
    ) -> Query:
        seed = renamed(self(node.this, context, outer), names, alias)
        context.ctes[alias.lower()] = Query(label, seed.columns)
        step = self(node.expression, context, outer)
        if len(step.columns) != len(seed.columns):
            raise _columns()
        word = "UNION" if node.args.get("distinct") else "UNION ALL"
        if node.args.get("order"):
            raise unsupported("ORDER BY over a recursive common table expression")
        return Query(f"{seed.sql} {word} {step.sql}{limits(node)}", seed.columns)

    def _combined(self, node: exp.SetOperation, context: Context, outer: Scope | None) -> Query:
        left = self(node.this, context, outer)
        right = self(node.expression, context, outer)
        if len(left.columns) != len(right.columns):
            raise _columns()
        columns, ones, others = [], [], []
        for place, (a, b) in enumerate(zip(left.columns, right.columns, strict=True)):
            values = [Value(c.sql, c.kind, c.collation) for c in (a, b)]
            kind = merged([a.kind, b.kind])
            columns.append(Field(a.name, kind, strongest(values), f"c{place}"))
            ones.append(f"{converted(values[0], kind)} AS c{place}")
            others.append(f"{converted(values[1], kind)} AS c{place}")
        sql = _set_operation(node, columns, (left, right), (", ".join(ones), ", ".join(others)))
        query = Query(sql, columns)
        if any(node.args.get(key) for key in ("order", "limit")):
            return _ordered(query, node)
        return query


def _columns() -> MysqlError:
    return MysqlError(1222, "The used SELECT statements have a different number of columns")


def _set_operation(
    node: exp.SetOperation, columns: list[Field], sides: tuple[Query, Query], lists: tuple[str, str]
) -> str:
    """Return the rows of a set operation, in the order in which they are first met."""
    first = f"SELECT {lists[0]}, 0 AS s FROM ({sides[0].sql})"
    second = f"SELECT {lists[1]}, 1 AS s FROM ({sides[1].sql})"
    listed = ", ".join(column.sql for column in columns)
    if isinstance(node, exp.Union) and not node.args.get("distinct"):
        return f"SELECT {listed} FROM ({first} UNION ALL {second})"
    if not node.args.get("distinct"):
        raise unsupported("INTERSECT ALL and EXCEPT ALL")
    keys = ", ".join(sorted_by(Value(c.sql, c.kind, c.collation)) for c in columns)
    having = ""
    if isinstance(node, exp.Intersect):
        having = " HAVING sum(s) BETWEEN 1 AND count(*) - 1"
    elif isinstance(node, exp.Except):
        having = " HAVING sum(s) = 0"
    numbered = f"SELECT {listed}, s, row_number() OVER () AS n FROM ({first} UNION ALL {second})"
    return f"SELECT {listed} FROM ({numbered}) GROUP BY {keys}{having} ORDER BY min(n)"


def _ordered(query: Query, node: exp.Expr) -> Query:
    """Return a query with the ORDER BY and LIMIT that stand after its parentheses or UNION."""
    keys = []
    order = node.args.get("order")
    for key in order.expressions if order is not None else []:
        item = key.this
        if isinstance(item, exp.Literal) and item.name.isdigit():
            found = query.columns[int(item.name) - 1 : int(item.name)]
        elif isinstance(item, exp.Column):
            if item.text("table"):
                raise MysqlError(
                    1250,
                    f"Table '{item.text('table')}' from one of the SELECTs cannot be used in "
                    "global ORDER clause",
                )
            found = [c for c in query.columns if c.name.lower() == item.name.lower()]
        else:
            raise MysqlError(
                3028, "Expression #1 of ORDER BY contains aggregate function and applies to the "
                "result of a non-aggregated query"
            )  # fmt: skip
        if not found:
            raise MysqlError(1054, f"Unknown column '{item.name}' in 'order clause'")
        column = found[0]
        direction = " DESC" if key.args.get("desc") else ""
        keys.append(sorted_by(Value(column.sql, column.kind, column.collation)) + direction)
    tail = f" ORDER BY {', '.join(keys)}" if keys else ""
    listed = ", ".join(column.sql for column in query.columns)
    limit = node.args.get("limit")
    single = query.single or (limit is not None and limit.expression.name in ("0", "1"))
    sql = f"SELECT {listed} FROM ({query.sql}){tail}{limits(node)}"
    return Query(sql, query.columns, single, limit is not None or query.limited, query.unique)
