"""Databases, tables and columns, and which of them a name in a statement means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from leap_intercode.sql.dump import Database, Table
from leap_intercode.sql.mysql.collation import BINARY, GENERAL
from leap_intercode.sql.mysql.errors import (
    MysqlError,
    ambiguous,
    unknown_column,
    unknown_database,
    unknown_table,
)
from leap_intercode.sql.mysql.kinds import BLOB, declared
from leap_intercode.sql.mysql.values import Field, Value, named

SCHEMA = "information_schema"


class Catalog:
    """The databases that a server holds; names are found in any case, as upstream's server does."""

    def __init__(self, databases: Mapping[str, Database]) -> None:
        self.databases = {name.lower(): database for name, database in databases.items()}

    def database(self, name: str) -> Database:
        """Return a database.

        Raises:
            MysqlError: 1049, there is none of that name.
        """
        found = self.databases.get(name.lower())
        if found is None:
            raise unknown_database(name)
        return found

    def table(self, database: str, name: str) -> Table:
        """Return a table.

        Raises:
            MysqlError: 1146 or 1049, there is none of that name.
        """
        tables = self.database(database).tables
        found = tables.get(name) or next(
            (t for n, t in tables.items() if n.lower() == name.lower()), None
        )
        if found is None:
            raise unknown_table(database.lower(), name.lower())
        return found


@dataclass(slots=True, eq=False)
class Relation:
    """What a FROM clause names: a table, a subquery or a WITH query.

    Attributes:
        alias: its name in the statement, in lower case.
        database: where the table is, in lower case; "" for subqueries.
        fields: its columns.
        keys: sets of columns that are unique and never NULL.
        label: what SQLite knows it as.
        row: what names its row number in SQLite; "" where it has none.
        table: the table that it is.
    """

    alias: str
    database: str
    fields: Sequence[Field]
    keys: Sequence[frozenset[Field]] = ()
    label: str = ""
    row: str = ""
    table: Table | None = None


def table_relation(table: Table, database: str, alias: str, label: str) -> Relation:
    """Return the relation of a table that SQLite knows as `label`."""
    fields = [
        Field(
            column.name,
            kind := declared(column.type),
            BINARY if kind.name == BLOB else GENERAL,
            f"{label}.{named(column.name)}",
            f"{database}.{alias}.{column.name}",
            column.null,
        )
        for column in table.columns
    ]
    primary = frozenset(
        f for f, c in zip(fields, table.columns, strict=True) if c.key == "PRI" and not c.null
    )
    unique = [
        frozenset([f])
        for f, c in zip(fields, table.columns, strict=True)
        if c.key == "UNI" and not c.null
    ]
    keys = [key for key in (primary, *unique) if key]
    return Relation(alias.lower(), database, fields, keys, label, f"{label}.rowid", table)


@dataclass(slots=True)
class Scope:
    """The relations that names mean in one query, and the scope around it.

    Attributes:
        relations: in the order of FROM.
        outer: the scope of the query around this one.
        merged: columns that USING or NATURAL JOIN made one.
    """

    relations: list[Relation] = field(default_factory=list)
    outer: Scope | None = None
    merged: dict[str, Value] = field(default_factory=dict)

    def matches(self, column: str, table: str, database: str) -> Iterator[Field]:
        """Yield the columns of this scope that a name may mean."""
        name = column.lower()
        for relation in self.relations:
            if table and relation.alias != table.lower():
                continue
            if database and relation.database and relation.database != database.lower():
                continue
            for one in relation.fields:
                if one.name.lower() == name:
                    yield one

    def find(self, column: str, table: str, database: str, clause: str) -> Value | None:
        """Return the column that a name means here or in an outer query; None if there is none.

        Raises:
            MysqlError: 1052, it may mean several.
        """
        if not table and column.lower() in self.merged:
            return self.merged[column.lower()]
        found = list(self.matches(column, table, database))
        if len(found) > 1:
            raise ambiguous(f"{table}.{column}" if table else column, clause)
        if found:
            one = found[0]
            return Value(one.sql, one.kind, one.collation, column=one)
        return self.outer.find(column, table, database, clause) if self.outer else None

    def resolve(self, column: str, table: str, database: str, clause: str) -> Value:
        """Return the column that a name means.

        Raises:
            MysqlError: 1054 or 1052, it means none or several.
        """
        found = self.find(column, table, database, clause)
        if found is None:
            shown = ".".join(part for part in (database, table, column) if part)
            raise unknown_column(shown, clause)
        return found

    def owns(self, one: Field) -> bool:
        """Whether a column is of this scope, not of an outer one."""
        return any(one in relation.fields for relation in self.relations)

    def add(self, relation: Relation) -> None:
        """Add a relation.

        Raises:
            MysqlError: 1066, another has its name.
        """
        for other in self.relations:
            if other.alias == relation.alias and other.database == relation.database:
                raise MysqlError(1066, f"Not unique table/alias: '{relation.alias}'")
        self.relations.append(relation)
