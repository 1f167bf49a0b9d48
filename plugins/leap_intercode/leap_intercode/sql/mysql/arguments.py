"""Arguments of calls: how MySQL takes them, and handlers of functions that take them plainly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from leap_intercode.sql.mysql.block import Block, Handler
from leap_intercode.sql.mysql.errors import wrong_arguments
from leap_intercode.sql.mysql.kinds import STRING, Kind
from leap_intercode.sql.mysql.values import (
    Value,
    as_integer,
    as_number,
    as_text,
    as_truth,
    literal,
    strongest,
)  # fmt: skip


def _as_is(value: Value) -> str:
    return value.sql


_TAKE: dict[str, Callable[[Value], str]] = {
    "t": as_text,
    "n": lambda value: as_number(value).sql,
    "i": as_integer,
    "d": _as_is,
    "b": as_truth,
}
"""How an argument is taken: as text, number, whole number, date (whatever it is), condition."""


def arguments(node: exp.Anonymous, block: Block) -> list[Value]:
    """Return the arguments of a call."""
    return [block.value(argument) for argument in node.expressions]


def name_of(node: exp.Anonymous) -> str:
    """Return the name of a function as it is written."""
    return node.this if isinstance(node.this, str) else str(node.this.name)


def plain(
    function: str, takes: str, kind: Kind, least: int | None = None, defaults: Sequence[str] = (),
    collated: bool = False,
) -> Handler:  # fmt: skip
    """Return the handler of a function of SQLite's: `takes` has a letter for each argument.

    A `*` repeats the last letter; `defaults` fill what is left out; `collated` adds the collation.
    """
    many = takes.endswith("*")
    letters = takes.rstrip("*")
    least = len(letters) if least is None else least

    def handler(node: exp.Anonymous, block: Block) -> Value:
        values = arguments(node, block)
        if len(values) < least or (len(values) > len(letters) and not many):
            raise wrong_arguments(name_of(node))
        taken = [
            _TAKE[letters[min(place, len(letters) - 1)]](value)
            for place, value in enumerate(values)
        ]
        if not many:
            taken += defaults[len(taken) - least :] if len(taken) < len(letters) else []
        collation = strongest(values)
        if collated:
            taken.append(f"'{collation}'")
        return Value(f"{function}({', '.join(taken)})", kind, collation)

    return handler


def only_argument(node: exp.Anonymous, block: Block) -> Value:
    """Return the argument of a call that takes one."""
    values = arguments(node, block)
    if len(values) != 1:
        raise wrong_arguments(name_of(node))
    return values[0]


def fact(key: str, kind: Kind = STRING) -> Handler:
    """Return the handler of a function without arguments that tells a fact of the server."""

    def handler(node: exp.Anonymous, block: Block) -> Value:
        made = literal(block.context.facts[key])
        return Value(made.sql, kind, literal=made.literal)

    return handler
