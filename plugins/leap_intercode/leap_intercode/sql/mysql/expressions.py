"""Expressions: names, literals, operators; what is left to predicates, choices and calls."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from leap_intercode.sql.mysql import kinds
from leap_intercode.sql.mysql.block import Block, Handler
from leap_intercode.sql.mysql.calls import CALLS
from leap_intercode.sql.mysql.choices import CHOICES
from leap_intercode.sql.mysql.date_calls import moved
from leap_intercode.sql.mysql.errors import (
    MysqlError,
    unknown_column,
    unknown_function,
    unsupported,
)  # fmt: skip
from leap_intercode.sql.mysql.kinds import INTEGER, STRING
from leap_intercode.sql.mysql.predicates import PREDICATES
from leap_intercode.sql.mysql.values import (
    Value,
    arithmetic,
    as_number,
    as_truth,
    literal,
    negated,
    quoted,
)  # fmt: skip


def translate(node: exp.Expr, block: Block) -> Value:
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
            raise MysqlError(
                1054, f"Unknown column '{database}.{table}.{name}' in '{block.clause}'"
            )
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


def _hex(node: exp.Expr, block: Block) -> Value:
    digits = str(node.this)
    number = int(digits or "0", 2 if isinstance(node, exp.BitString) else 16)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    text = data.decode("latin-1")
    return Value(quoted(text), kinds.Kind(kinds.TEXT, unsigned=True), literal=text)


def _variable(node: exp.Expr, block: Block) -> Value:
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

_ARITHMETIC = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.IntDiv: "DIV",
    exp.Mod: "%",
}
_BITS = {
    exp.BitwiseAnd: "and", exp.BitwiseOr: "or", exp.BitwiseXor: "xor",
    exp.BitwiseLeftShift: "shl", exp.BitwiseRightShift: "shr",
}  # fmt: skip


def _compute(node: exp.Binary, block: Block) -> Value:
    for one, other in ((node.this, node.expression), (node.expression, node.this)):
        if isinstance(other, exp.Interval):
            sign = -1 if isinstance(node, exp.Sub) else 1
            return moved(block.value(one), other, sign, block)
    return arithmetic(_ARITHMETIC[type(node)], block.value(node.this), block.value(node.expression))


def _logic(node: exp.Binary, block: Block) -> Value:
    if isinstance(node, exp.Xor):
        left, right = as_truth(block.value(node.this)), as_truth(block.value(node.expression))
        return Value(f"(({left} <> 0) <> ({right} <> 0))", INTEGER)
    kind, parts, waiting = type(node), [], [node]
    while waiting:  # a long chain is a deep tree
        one = waiting.pop()
        if type(one) is kind:
            waiting += [one.expression, one.this]
        else:
            parts.append(as_truth(block.value(one)))
    return Value(_balanced(parts, " AND " if kind is exp.And else " OR "), INTEGER)


def _balanced(parts: list[str], word: str) -> str:
    """Return the parts joined in a tree that is as flat as can be."""
    while len(parts) > 1:
        pairs = [parts[place : place + 2] for place in range(0, len(parts), 2)]
        parts = [f"({word.join(pair)})" if len(pair) > 1 else pair[0] for pair in pairs]
    return parts[0]


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


def _call(node: exp.Anonymous, block: Block) -> Value:
    name = node.this if isinstance(node.this, str) else node.this.name
    handler = CALLS.get(name.upper())
    if handler is None:
        if name.upper().startswith(("JSON_", "ST_", "AES_", "INET", "UUID", "REGEXP_")):
            raise unsupported(name)
        raise unknown_function(block.context.database, name)
    value: Value = handler(node, block)
    return value


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
    **dict.fromkeys(_BITS, _bitwise),
    **dict.fromkeys((exp.And, exp.Or, exp.Xor), _logic),
    **dict.fromkeys((exp.Not, exp.Neg, exp.BitwiseNot), _unary),
    **PREDICATES,
    **CHOICES,
    exp.Anonymous: _call,
    exp.Paren: _paren,
    exp.Tuple: _row,
}
