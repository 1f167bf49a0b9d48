"""The order in which MySQL meets rows where nothing orders them, which rewards depend on.

InnoDB reads a table by its primary key, or by a secondary index that holds all columns in use; the
optimizer joins the cheapest way round. What follows is a small model of its costs (0.1 for a row,
0.25 for a page in memory; MySQL 8.0 Reference Manual, 8.9.5), enough for the joins of a few small
tables; ties of ORDER BY come in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from leap_intercode.sql.dump import Index, Table
from leap_intercode.sql.mysql.names import Relation
from leap_intercode.sql.mysql.values import Field

_MOST = 5
"""Relations whose orders are all tried; more are taken as they are written."""
_ROW, _PAGE = 0.1, 0.25
_ROWS_A_PAGE = 100


@dataclass(slots=True)
class Plan:
    """What is known of a query's joins.

    Attributes:
        equal: pairs of equal columns, or a column and None for a constant.
        after: relations that come after others (LEFT JOIN).
        filters: the share of a relation's rows that conditions keep.
        groups: the columns of GROUP BY.
    """

    equal: list[tuple[Field, Field | None]] = field(default_factory=list)
    after: list[tuple[Relation, Relation]] = field(default_factory=list)
    filters: dict[int, float] = field(default_factory=dict)
    groups: list[Field] = field(default_factory=list)


def terms(relations: Sequence[Relation], plan: Plan, used: Iterable[Field]) -> list[str]:
    """Return what orders rows as MySQL meets them; empty where that is not known."""
    if not relations or not all(r.row and r.table for r in relations):
        return []
    touched = set(used)
    chosen = list(relations)
    if 1 < len(relations) <= _MOST:
        chosen = _cheapest(relations, plan)
    made: list[str] = []
    placed: list[Relation] = []
    for relation in chosen:
        found = _lookup(relation, placed, plan)
        term = _scan(relation, touched, plan.groups) if found is None else relation.row
        if found is None and placed:
            made.insert(0, term)  # a hash join: this table's rows are probed one after another
        elif found is None or not found[0]:
            made.append(term)
        placed.append(relation)
    return made


def _cheapest(relations: Sequence[Relation], plan: Plan) -> list[Relation]:
    best: list[Relation] = list(relations)
    lowest = float("inf")
    by_size = sorted(relations, key=_size)
    for order in permutations(by_size):
        places = {id(relation): place for place, relation in enumerate(order)}
        if any(places[id(later)] < places[id(first)] for later, first in plan.after):
            continue
        cost = _cost(order, plan)
        if cost < lowest - 1e-9:
            best, lowest = list(order), cost
    return best


def _size(relation: Relation) -> int:
    return len(relation.table.rows) if relation.table else 1


def _cost(order: Sequence[Relation], plan: Plan) -> float:
    rows, cost = 1.0, 0.0
    placed: list[Relation] = []
    for relation in order:
        found = _lookup(relation, placed, plan)
        kept = plan.filters.get(id(relation), 1.0)
        if found is None:
            size = _size(relation)
            pages = _PAGE * (1 + size // _ROWS_A_PAGE)
            cost += pages + rows * size * _ROW
            rows *= max(1.0, size * kept)
        else:
            _, fanout = found
            cost += rows * fanout * (_PAGE + _ROW)
            rows *= fanout * (kept if fanout > 1 else 1.0)
        placed.append(relation)
    return cost


def _lookup(
    relation: Relation, placed: Sequence[Relation], plan: Plan
) -> tuple[bool, float] | None:
    """Return how an index finds rows for those before: (whether one at most, how many)."""
    known = {one for other in placed for one in other.fields}
    bound = {
        column.name.lower()
        for column, other in plan.equal
        if column in relation.fields and (other is None or other in known)
    }
    best: tuple[bool, float] | None = None
    table = relation.table
    for index in table.indexes if table else []:
        names = [name.lower() for name in index.columns]
        count = 0
        while count < len(names) and names[count] in bound:
            count += 1
        if not count or table is None:
            continue
        if index.unique and count == len(names):
            return True, 1.0
        fanout = len(table.rows) / max(1, _different(table, index, count))
        if best is None or fanout < best[1]:
            best = False, fanout
    return best


_COUNTS: dict[tuple[int, str, int], int] = {}


def _different(table: Table, index: Index, count: int) -> int:
    key = (id(table), index.name, count)
    if key not in _COUNTS:
        names = [column.name for column in table.columns]
        places = [names.index(name) for name in index.columns[:count] if name in names]
        _COUNTS[key] = len({tuple(row[place] for place in places) for row in table.rows})
    return _COUNTS[key]


def _scan(relation: Relation, touched: set[Field], groups: Sequence[Field]) -> str:
    """Return the order of a whole read: an index that holds all that is used, or the primary key.

    An index that begins with the columns of GROUP BY comes first, else the one of fewest columns.
    """
    table = relation.table
    if table is None:
        return relation.row
    mine = {one.name.lower() for one in relation.fields if one in touched}
    grouped = [one.name.lower() for one in groups if one in relation.fields]
    primary = next((i for i in table.indexes if i.name == "PRIMARY"), None)
    keys = {name.lower() for name in primary.columns} if primary else set()
    best: tuple[bool, int, str] | None = None
    for place, index in enumerate(table.indexes):
        names = [name.lower() for name in index.columns]
        sorts = bool(grouped) and set(names[: len(grouped)]) == set(grouped)
        if (index is primary and not sorts) or not (index is primary or mine <= {*names, *keys}):
            continue
        found = (not sorts, len(names), f"{relation.label}.{rank_column(place)}")
        if best is None or found[:2] < best[:2]:
            best = found
    return best[2] if best else relation.row


def inside_parentheses(relations: Iterable[Relation]) -> None:
    """Have relations named from outside of parentheses, where SQLite knows no row numbers."""
    for relation in relations:
        if relation.row:
            relation.row = f"{relation.label}.{rank_column(-1)}"


def rank_column(place: int) -> str:
    """Return the hidden column that ranks rows by the index of this place; -1: as they lie."""
    return f'"~{place}"'
