"""Reading a MySQL dump: databases, tables, rows, as plain Python values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leap_core import DataError

_USE = re.compile(r"USE `([^`]+)`", re.IGNORECASE)
_CREATE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?`([^`]+)`\s*\((.*)\)[^)]*$", re.S | re.I)
_INSERT = re.compile(r"INSERT INTO `([^`]+)`\s*(?:\([^)]*\))?\s*VALUES\s*", re.IGNORECASE)
_COLUMN = re.compile(r"\s*`([^`]+)`\s+(\w+(?:\([^)]*\))?(?: unsigned)?)(.*)", re.S)
_KEY = re.compile(r"\s*(PRIMARY|UNIQUE)?\s*KEY\s*(?:`([^`]*)`)?\s*\(([^)]*)\)", re.IGNORECASE)
_FOREIGN = re.compile(
    r"\s*CONSTRAINT\s*`([^`]*)`\s*FOREIGN KEY\s*\(([^)]*)\)\s*REFERENCES\s*`([^`]*)`\s*\(([^)]*)\)",
    re.IGNORECASE,
)
_DEFAULT = re.compile(r"DEFAULT\s+(?:'((?:[^'\\]|\\.|'')*)'|(\w+))", re.IGNORECASE)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}
_TOKEN = re.compile(r"'|[^',()\s][^,()]*|[,()]")


@dataclass(slots=True)
class Column:
    """A column as MySQL's DESCRIBE tells it."""

    name: str
    type: str
    null: bool = True
    key: str = ""
    default: str | None = None
    extra: str = ""

    @property
    def kind(self) -> str:
        """ "integer", "real" or "text"."""
        base = self.type.lower().split("(")[0].split()[0]
        if base in ("int", "bigint", "smallint", "tinyint", "mediumint", "integer", "year", "bit"):
            return "integer"
        return "real" if base in ("double", "float", "decimal", "numeric", "real") else "text"


@dataclass(frozen=True, slots=True)
class Index:
    """An index: PRIMARY, or by its name."""

    name: str
    columns: tuple[str, ...]
    unique: bool


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key: `columns` name rows of `table` by its columns `others`."""

    name: str
    columns: tuple[str, ...]
    table: str
    others: tuple[str, ...]


@dataclass(slots=True)
class Table:
    """A table with its rows; `create` is the statement that made it."""

    name: str
    columns: list[Column]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    foreign: list[ForeignKey] = field(default_factory=list)
    create: str = ""


@dataclass(slots=True)
class Database:
    """A database."""

    name: str
    tables: dict[str, Table] = field(default_factory=dict)


def read_dump(path: Path) -> dict[str, Database]:
    """Read a dump made by mysqldump.

    Raises:
        DataError: it cannot be read, or holds no tables.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' cannot be read: {error}") from error
    try:
        databases = parse_dump(text)
    except (IndexError, KeyError, ValueError) as error:
        raise DataError(f"'{path}' is no MySQL dump that can be read: {error}") from error
    if not any(database.tables for database in databases.values()):
        raise DataError(f"'{path}' holds no tables")
    return databases


def parse_dump(text: str) -> dict[str, Database]:
    """The databases of a dump."""
    databases: dict[str, Database] = {}
    current = databases.setdefault("", Database(""))
    for statement in statements(text):
        used = _USE.match(statement)
        created = _CREATE.match(statement)
        inserted = _INSERT.match(statement)
        if used:
            current = databases.setdefault(used[1], Database(used[1]))
        elif created:
            current.tables[created[1]] = _table(statement, created[1], created[2])
        elif inserted:
            current.tables[inserted[1]].rows += _rows(statement, inserted.end())
    if not databases[""].tables:
        del databases[""]
    return databases


_PIECE = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)"""
    r"|(?P<comment>--(?=\s|$)[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<end>;)"
    r"""|(?P<plain>[^'"`;/-]+|.)""",
    re.S,
)


def statements(text: str) -> Iterator[str]:
    """The statements of a script, without comments."""
    pieces: list[str] = []
    for piece in _PIECE.finditer(text):
        if piece.lastgroup == "end":
            if statement := "".join(pieces).strip():
                yield statement
            pieces = []
        elif piece.lastgroup != "comment":
            pieces.append(piece.group())
    if statement := "".join(pieces).strip():
        yield statement


def _string_end(text: str, start: int) -> int:
    quote, place = text[start], start + 1
    while place < len(text):
        if text[place] == "\\" and quote != "`":
            place += 2
        elif text[place] == quote:
            if text[place + 1 : place + 2] != quote:
                return place + 1
            place += 2
        else:
            place += 1
    return place


def _table(statement: str, name: str, body: str) -> Table:
    indexes, foreign = [], []
    for line in body.strip().split(",\n"):
        key = _KEY.match(line)
        reference = _FOREIGN.match(line)
        if key:
            names = tuple(re.findall(r"`([^`]+)`", key[3]))
            primary = (key[1] or "").upper() == "PRIMARY"
            called = "PRIMARY" if primary else key[2] or (names[0] if names else "")
            indexes.append(Index(called, names, bool(key[1])))
        elif reference:
            ones, others = (tuple(re.findall(r"`([^`]+)`", reference[i])) for i in (2, 4))
            foreign.append(ForeignKey(reference[1], ones, reference[3], others))
    return Table(name, _columns(body), indexes=indexes, foreign=foreign, create=statement)


def _columns(body: str) -> list[Column]:
    columns: list[Column] = []
    for line in body.strip().split(",\n"):
        key = _KEY.match(line)
        if key:
            kind = {"primary": "PRI", "unique": "UNI"}.get((key[1] or "").lower(), "MUL")
            first = re.findall(r"`([^`]+)`", key[3])
            for column in columns:
                primary = kind == "PRI" and column.name in first
                if primary or (not column.key and first[:1] == [column.name]):
                    column.key = kind
            continue
        found = _COLUMN.match(line)
        if found is None:
            continue
        name, kind, rest = found.groups()
        default = _DEFAULT.search(rest)
        said = (default[1] if default[1] is not None else default[2]) if default else None
        generated = bool(default and default[2] and default[2].upper() != "NULL")
        columns.append(
            Column(
                name,
                kind,
                "NOT NULL" not in rest,
                "",
                None if said is not None and said.upper() == "NULL" else said,
                "auto_increment" if "AUTO_INCREMENT" in rest else "DEFAULT_GENERATED" * generated,
            )
        )
    return columns


def _rows(statement: str, place: int) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    row: list[Any] = []
    while (token := _TOKEN.search(statement, place)) is not None:
        text, place = token.group(), token.end()
        if text == "'":
            end = _string_end(statement, token.start())
            row.append(_unescape(statement[token.end() : end - 1]))
            place = end
        elif text == "(":
            row = []
        elif text == ")":
            rows.append(tuple(row))
        elif text != ",":
            row.append(_value(text.strip()))
    return rows


def _value(text: str) -> Any:
    if text.upper() == "NULL":
        return None
    if text.lower().startswith("0x"):
        return bytes.fromhex(text[2:])
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def _unescape(text: str) -> str:
    if "\\" not in text and "''" not in text:
        return text
    plain = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.S)
    return plain.replace("''", "'")
