"""ONLY_FULL_GROUP_BY: a column outside aggregates depends on GROUP BY, or is refused.

The rule is MySQL 8.0's (Reference Manual, 12.20.3 and 12.20.4): a table's columns depend on its
primary key and on its unique keys without NULL, and equal columns on each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leap_intercode.sql.mysql.errors import MysqlError
from leap_intercode.sql.mysql.names import Relation
from leap_intercode.sql.mysql.values import Field

_MODE = "this is incompatible with sql_mode=only_full_group_by"


def determined(
    start: Iterable[Field],
    relations: Sequence[Relation],
    equal: Sequence[tuple[Field, Field | None]],
) -> set[Field]:
    """Return the columns that have one value wherever the columns in `start` have one."""
    known = set(start) | {column for column, constant in equal if constant is None}
    grown = True
    while grown:
        size = len(known)
        for one, other in equal:
            if other is not None and one in known:
                known.add(other)
        for relation in relations:
            if any(key <= known for key in relation.keys):
                known.update(relation.fields)
        grown = len(known) > size
    return known


def not_grouped(number: int, clause: str, column: Field) -> MysqlError:
    """Return error 1055."""
    clause = "SELECT list" if clause == "field list" else clause
    return MysqlError(
        1055,
        f"Expression #{number} of {clause} is not in GROUP BY clause and contains nonaggregated "
        f"column '{column.path}' which is not functionally dependent on columns in GROUP BY "
        f"clause; {_MODE}",
    )


def not_aggregated(number: int, column: Field) -> MysqlError:
    """Return error 1140."""
    return MysqlError(
        1140,
        f"In aggregated query without GROUP BY, expression #{number} of SELECT list contains "
        f"nonaggregated column '{column.path}'; {_MODE}",
    )
