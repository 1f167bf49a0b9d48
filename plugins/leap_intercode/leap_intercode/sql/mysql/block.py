"""The query that is being translated: its scope, its clause, what was seen in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlglot import exp

from leap_intercode.sql.mysql.names import Catalog, Scope
from leap_intercode.sql.mysql.values import Field, Value


@dataclass(slots=True)
class Query:
    """A translated query.

    Attributes:
        sql: for SQLite, its columns named c0, c1 ….
        columns: what they are; the `sql` of each is its name.
        single: whether it gives one row at most.
        limited: whether it has a LIMIT.
        unique: places of columns that are unique together; None if not known.
    """

    sql: str
    columns: list[Field]
    single: bool = False
    limited: bool = False
    unique: frozenset[int] | None = None


class Translate(Protocol):
    """Translates a query inside another."""

    def __call__(self, node: exp.Expr, context: Context, outer: Scope | None) -> Query: ...


@dataclass(slots=True)
class Context:
    """What a whole statement shares.

    Attributes:
        catalog: all databases.
        database: the one in use.
        translate: for queries inside the statement.
        facts: VERSION() and the like.
        used: tables that SQLite must hold: (database, table).
        ctes: WITH queries that are visible.
        labels: how many relations were named.
        touched: all columns that were named.
    """

    catalog: Catalog
    database: str
    translate: Translate
    facts: Mapping[str, Any]
    used: set[tuple[str, str]] = field(default_factory=set)
    ctes: dict[str, Any] = field(default_factory=dict)
    labels: int = 0
    touched: set[Field] = field(default_factory=set)

    def label(self) -> str:
        """Return a new name for a relation."""
        self.labels += 1
        return f"r{self.labels}"


Handler = Callable[[Any, "Block"], Value]


@dataclass(slots=True)
class Block:
    """One SELECT.

    Attributes:
        context: of the statement.
        scope: what names mean.
        clause: where the translation is, for errors.
        aliases: names of the select list.
        prefer_aliases: whether an alias hides a column (ORDER BY, HAVING).
        seen: columns of this block outside aggregates, since it was last cleared.
        groups: the grouping expressions, as SQLite's text.
        rolled: those that WITH ROLLUP replaces by NULL here.
        aggregating: 1 inside an aggregate.
        windowed: whether the next aggregate is one over a window.
        aggregates: whether aggregates may stand here.
        aggregated: whether one was met.
        windows: named windows.
    """

    context: Context
    scope: Scope
    clause: str = "field list"
    aliases: dict[str, Value] = field(default_factory=dict)
    prefer_aliases: bool = False
    seen: list[Field] = field(default_factory=list)
    groups: dict[str, Value] = field(default_factory=dict)
    rolled: frozenset[str] = frozenset()
    aggregating: int = 0
    windowed: bool = False
    aggregates: bool = False
    aggregated: bool = False
    windows: dict[str, exp.Expr] = field(default_factory=dict)
    value: Callable[[exp.Expr], Value] = field(init=False)
