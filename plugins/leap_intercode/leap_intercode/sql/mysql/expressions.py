"""Expressions: names, literals, operators, predicates, choices, casts, subqueries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql import kinds
from leap_intercode.sql.mysql.block import Block, Handler, Query
from leap_intercode.sql.mysql.calls import CALLS, moved
from leap_intercode.sql.mysql.collation import BINARY, GENERAL, UCA
from leap_intercode.sql.mysql.errors import (
    MysqlError,
    unknown_column,
    unknown_function,
    unsupported,
    wrong_arguments,
)
from leap_intercode.sql.mysql.kinds import BYTES, CLOCK, DAY, INTEGER, MOMENT, STRING
from leap_intercode.sql.mysql.values import (
    Value, arithmetic, as_integer, as_number, as_text, as_truth, comparable, compare, literal, negated,
    quoted, strongest, unified,
)  # fmt: skip


def translate(node: exp.Expression, block: Block) -> Value:
    """Return an expression for SQLite.

    Raises:
        MysqlError: MySQL refuses it, or this store does not know it.
    """
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise unsupported(node.sql(dialect="mysql")[:80])
    before = len(block.seen)
    value = handler(node, block)
    if block.groups and not block.aggregating and value.sql in block.groups:
        del block.seen[before:]
        if value.sql in block.rolled:
            return Value("NULL", value.kind, value.collation)
    return value


# -- names and literals ---------------------------------------------------------------------------


def _column(node: exp.Column, block: Block) -> Value:
    if isinstance(node.this, exp.Star):
        raise unsupported("*")
    if not isinstance(node.this, exp.Identifier):
        return block.value(node.this)
    name, table, database = node.name, node.text("table"), node.text("db")
    if not table and block.prefer_aliases and not block.aggregating:
        alias = block.aliases.get(name.lower())
        if alias is not None:
            return alias
    found = block.scope.find(name, table, database, block.clause)
    if found is None and not table and block.clause == "having clause":
        found = block.aliases.get(name.lower())
    if found is None:
        if database and database.lower() not in block.context.catalog.databases:
            raise MysqlError(1054, f"Unknown column '{database}.{table}.{name}' in '{block.clause}'")
        shown = ".".join(part for part in (database, table, name) if part)
        raise unknown_column(shown, block.clause)
    if found.column is not None:
        block.context.touched.add(found.column)
        if not block.aggregating and block.scope.owns(found.column):
            block.seen.append(found.column)
    return found


def _literal(node: exp.Literal, block: Block) -> Value:
    text = node.this
    if node.is_string:
        return literal(text)
    if re.fullmatch(r"\d+", text):
        number = int(text)
        if number <= 0x7FFFFFFFFFFFFFFF:
            return literal(number)
        return Value(repr(float(number)), kinds.decimal(0), literal=float(number))
    if "e" in text.lower():
        return literal(float(text))
    scale = len(text.partition(".")[2])
    return Value(repr(float(text)), kinds.decimal(scale), literal=float(text))


def _hex(node: exp.Expression, block: Block) -> Value:
    digits = str(node.this)
    number = int(digits or "0", 2 if isinstance(node, exp.BitString) else 16)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    text = data.decode("latin-1")
    return Value(quoted(text), kinds.Kind(kinds.TEXT, unsigned=True), literal=text)


def _variable(node: exp.Expression, block: Block) -> Value:
    name = node.name.lower()
    if isinstance(node, exp.SessionParameter):
        if name.rpartition(".")[2] not in block.context.facts:
            raise MysqlError(1193, f"Unknown system variable '{name}'")
        return literal(block.context.facts[name.rpartition(".")[2]])
    return Value(f"my_variable({quoted(name)})", STRING)


def _assigned(node: exp.PropertyEQ, block: Block) -> Value:
    if not isinstance(node.this, exp.Parameter):
        raise unsupported(":=")
    value = block.value(node.expression)
    return Value(f"my_assign({quoted(node.this.name.lower())}, {value.sql})", value.kind)


# -- operators ------------------------------------------------------------------------------------

_ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "DIV", exp.Mod: "%"}
_COMPARISONS = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "IS",
}  # fmt: skip
_BITS = {
    exp.BitwiseAnd: "and", exp.BitwiseOr: "or", exp.BitwiseXor: "xor",
    exp.BitwiseLeftShift: "shl", exp.BitwiseRightShift: "shr",
}  # fmt: skip


def _scalar(value: Value | exp.Expression, block: Block) -> Value:
    return block.value(value) if isinstance(value, exp.Expression) else value


def _compute(node: exp.Binary, block: Block) -> Value:
    for one, other in ((node.this, node.expression), (node.expression, node.this)):
        if isinstance(other, exp.Interval):
            sign = -1 if isinstance(node, exp.Sub) else 1
            return moved(block.value(one), other, sign, block)
    return arithmetic(_ARITHMETIC[type(node)], block.value(node.this), block.value(node.expression))


def _compare(node: exp.Binary, block: Block) -> Value:
    left, right = node.this, node.expression
    operator = _COMPARISONS[type(node)]
    if isinstance(right, (exp.Any, exp.All)):
        return _quantified(node, operator, block)
    if isinstance(left, exp.Tuple) or isinstance(right, exp.Tuple):
        return _rows(operator, left, right, block)
    return Value(compare(operator, block.value(left), block.value(right)), INTEGER)


def _rows(operator: str, left: exp.Expression, right: exp.Expression, block: Block) -> Value:
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


def _items(node: exp.Expression, block: Block) -> list[Value]:
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


def _logic(node: exp.Binary, block: Block) -> Value:
    left, right = as_truth(block.value(node.this)), as_truth(block.value(node.expression))
    if isinstance(node, exp.Xor):
        return Value(f"(({left} <> 0) <> ({right} <> 0))", INTEGER)
    return Value(f"({left} {'AND' if isinstance(node, exp.And) else 'OR'} {right})", INTEGER)


def _bitwise(node: exp.Binary, block: Block) -> Value:
    left, right = as_number(block.value(node.this)), as_number(block.value(node.expression))
    kind = kinds.Kind(kinds.INT, unsigned=True)
    return Value(f"my_{_BITS[type(node)]}({left.sql}, {right.sql})", kind)


def _unary(node: exp.Unary, block: Block) -> Value:
    value = block.value(node.this)
    if isinstance(node, exp.Not):
        return Value(f"(NOT {as_truth(value)})", INTEGER)
    if isinstance(node, exp.Neg):
        return negated(value)
    return Value(f"my_not({as_number(value).sql})", kinds.Kind(kinds.INT, unsigned=True))


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


# -- predicates -----------------------------------------------------------------------------------


def _negatable(node: exp.Expression, sql: str) -> Value:
    return Value(f"(NOT {sql})" if node.args.get("negate") else sql, INTEGER)


def _like(node: exp.Expression, block: Block, escape: str = "\\") -> Value:
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


def _in_query(left: exp.Expression, node: exp.Expression, block: Block) -> str:
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


def one_column(node: exp.Expression, block: Block) -> Query:
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


def _subquery(node: exp.Expression, block: Block) -> Value:
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


# -- choices and casts ----------------------------------------------------------------------------


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
        return Value(f"my_castdec({as_number(value).sql}, {precision}, {scale})", kinds.decimal(scale))
    if to in ("DOUBLE", "FLOAT", "REAL"):
        return Value(f"CAST({as_number(value).sql} AS REAL)", kinds.Kind(kinds.REAL, single=to == "FLOAT"))
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
    if unit not in ("YEAR", "MONTH", "DAY", "QUARTER", "HOUR", "MINUTE", "SECOND", "WEEK", "MICROSECOND"):
        raise unsupported(f"EXTRACT({unit} …)")
    return Value(f"{name}({value.sql}{', 0' if unit == 'WEEK' else ''})", INTEGER)


def _joined(node: exp.Expression, block: Block) -> Value:
    values = [block.value(item) for item in node.expressions]
    if all(isinstance(v.literal, str) for v in values):
        return literal("".join(v.literal for v in values))
    return Value(f"my_concat({', '.join(as_text(v) for v in values)})", STRING, strongest(values))


def _call(node: exp.Anonymous, block: Block) -> Value:
    name = node.this if isinstance(node.this, str) else node.this.name
    handler = CALLS.get(name.upper())
    if handler is None:
        if name.upper().startswith(("JSON_", "ST_", "AES_", "INET", "UUID", "REGEXP_")):
            raise unsupported(name)
        raise unknown_function(block.context.database, name)
    return handler(node, block)


def _paren(node: exp.Paren, block: Block) -> Value:
    return block.value(node.this)


def _row(node: exp.Tuple, block: Block) -> Value:
    raise MysqlError(1241, "Operand should contain 1 column(s)")


_HANDLERS: dict[type[Any], Handler] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.National: lambda node, block: literal(str(node.this)),
    exp.HexString: _hex,
    exp.BitString: _hex,
    exp.Null: lambda node, block: literal(None),
    exp.Boolean: lambda node, block: literal(int(node.this)),
    exp.Parameter: _variable,
    exp.SessionParameter: _variable,
    exp.PropertyEQ: _assigned,
    **dict.fromkeys(_ARITHMETIC, _compute),
    **dict.fromkeys(_COMPARISONS, _compare),
    **dict.fromkeys(_BITS, _bitwise),
    **dict.fromkeys((exp.And, exp.Or, exp.Xor), _logic),
    **dict.fromkeys((exp.Not, exp.Neg, exp.BitwiseNot), _unary),
    exp.Is: _is,
    exp.Like: _like,
    exp.Escape: _escaped,
    exp.RegexpLike: _regexp,
    exp.Between: _between,
    exp.In: _in,
    exp.Subquery: _subquery,
    exp.Select: _subquery,
    exp.Union: _subquery,
    exp.Exists: _exists,
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
    exp.Anonymous: _call,
    exp.Paren: _paren,
    exp.Tuple: _row,
}
