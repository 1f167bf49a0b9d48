"""information_schema: the databases that a catalog holds, told in tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from leap_intercode.sql.dump import Column, Database, Table

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
"""Databases that every server has."""
_COLLATION = "utf8mb4_general_ci"
_HEADS = {
    "SCHEMATA": "CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME "
    "SQL_PATH DEFAULT_ENCRYPTION",
    "TABLES": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION:int ROW_FORMAT "
    "TABLE_ROWS:int AVG_ROW_LENGTH:int DATA_LENGTH:int MAX_DATA_LENGTH:int INDEX_LENGTH:int "
    "DATA_FREE:int AUTO_INCREMENT:int CREATE_TIME:datetime UPDATE_TIME:datetime "
    "CHECK_TIME:datetime TABLE_COLLATION CHECKSUM:int CREATE_OPTIONS TABLE_COMMENT",
    "COLUMNS": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:int "
    "COLUMN_DEFAULT IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH:int CHARACTER_OCTET_LENGTH:int "
    "NUMERIC_PRECISION:int NUMERIC_SCALE:int DATETIME_PRECISION:int CHARACTER_SET_NAME "
    "COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT GENERATION_EXPRESSION "
    "SRS_ID:int",
    "STATISTICS": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME NON_UNIQUE:int INDEX_SCHEMA INDEX_NAME "
    "SEQ_IN_INDEX:int COLUMN_NAME COLLATION CARDINALITY:int SUB_PART:int PACKED NULLABLE "
    "INDEX_TYPE COMMENT INDEX_COMMENT IS_VISIBLE EXPRESSION",
    "KEY_COLUMN_USAGE": "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG "
    "TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:int POSITION_IN_UNIQUE_CONSTRAINT:int "
    "REFERENCED_TABLE_SCHEMA REFERENCED_TABLE_NAME REFERENCED_COLUMN_NAME",
    "TABLE_CONSTRAINTS": "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_SCHEMA "
    "TABLE_NAME CONSTRAINT_TYPE ENFORCED",
    "VIEWS": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION",
    "ROUTINES": "SPECIFIC_NAME ROUTINE_CATALOG ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE",
    "TRIGGERS": "TRIGGER_CATALOG TRIGGER_SCHEMA TRIGGER_NAME EVENT_MANIPULATION",
}
_TYPE = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?")
_LONGEST = {"text": 65535, "tinytext": 255, "mediumtext": 16777215, "longtext": 4294967295}
_PRECISIONS = {
    "int": 10,
    "bigint": 19,
    "smallint": 5,
    "tinyint": 3,
    "mediumint": 7,
    "double": 22,
    "float": 12,
}


def information_schema(databases: Mapping[str, Database]) -> Database:
    """Return the database information_schema that tells of these databases."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _HEADS}
    for schema in sorted([*(name.lower() for name in databases), *SYSTEM]):
        rows["SCHEMATA"].append(("def", schema, "utf8mb4", _COLLATION, None, "NO"))
    for name in sorted(databases):
        for key in sorted(databases[name].tables, key=str.lower):
            _tell(name.lower(), databases[name].tables[key], rows)
    return Database(
        "information_schema", {name: _table(name, found) for name, found in rows.items()}
    )


def _table(name: str, rows: list[tuple[Any, ...]]) -> Table:
    columns = []
    for head in _HEADS[name].split():
        column, _, kind = head.partition(":")
        columns.append(Column(column, kind or "varchar(64)"))
    return Table(name, columns, rows)


def _tell(schema: str, table: Table, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    name = table.name.lower()
    rows["TABLES"].append(
        ("def", schema, name, "BASE TABLE", "InnoDB", 10, "Dynamic", len(table.rows), 0, 16384, 0,
         0, 0, None, None, None, None, _COLLATION, None, "", "")
    )  # fmt: skip
    for place, column in enumerate(table.columns, 1):
        rows["COLUMNS"].append(_column(schema, name, place, column))
    for index in table.indexes:
        for place, one in enumerate(index.columns, 1):
            null = "" if index.name == "PRIMARY" else "YES"
            rows["STATISTICS"].append(
                ("def", schema, name, int(not index.unique), schema, index.name, place, one, "A",
                 len(table.rows), None, None, null, "BTREE", "", "", "YES", None)
            )  # fmt: skip
            if index.unique:
                rows["KEY_COLUMN_USAGE"].append(
                    (
                        "def",
                        schema,
                        index.name,
                        "def",
                        schema,
                        name,
                        one,
                        place,
                        None,
                        None,
                        None,
                        None,
                    )
                )
        if index.unique:
            kind = "PRIMARY KEY" if index.name == "PRIMARY" else "UNIQUE"
            rows["TABLE_CONSTRAINTS"].append(("def", schema, index.name, schema, name, kind, "YES"))
    for key in table.foreign:
        rows["TABLE_CONSTRAINTS"].append(
            ("def", schema, key.name, schema, name, "FOREIGN KEY", "YES")
        )
        for place, (one, other) in enumerate(zip(key.columns, key.others, strict=False), 1):
            rows["KEY_COLUMN_USAGE"].append(
                ("def", schema, key.name, "def", schema, name, one, place, place, schema,
                 key.table.lower(), other)
            )  # fmt: skip


def _column(schema: str, table: str, place: int, column: Column) -> tuple[Any, ...]:
    found = _TYPE.match(column.type.lower())
    base, size, scale = found.groups() if found else (column.type, None, None)
    textual = "char" in base or "text" in base
    length = (int(size) if size else _LONGEST.get(base)) if textual else None
    precision = int(size) if size and not textual else _PRECISIONS.get(base)
    if scale is None and ("int" in base or (base == "decimal")):
        scale = "0"
    return (
        "def", schema, table, column.name, place, column.default, "YES" if column.null else "NO",
        base, length, length and min(length * (4 if "char" in base else 1), 4294967295),
        None if textual else precision, int(scale) if scale and not textual else None,
        0 if base in ("datetime", "timestamp", "time") else None, "utf8mb4" if textual else None,
        _COLLATION if textual else None, column.type, column.key, column.extra,
        "select", "", "", None,
    )  # fmt: skip
