"""MySQL's dialect to SQLite's, where the same words would mean something else.

- texts in double quotes are texts, never names; backslashes escape in them;
- `/` divides without cutting off the remainder;
- a text column compared with a number is compared as a number;
- `||` is OR, `&&` is AND;
- a table may be named with its database in front.
"""

from __future__ import annotations

import re
from functools import lru_cache

from leap_intercode.sql.dump import Database

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")"""
    r"|(?P<name>`[^`]*`(?:\.`[^`]*`)?|[A-Za-z_][\w$]*(?:\.(?:`[^`]*`|[A-Za-z_][\w$]*))?)"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<compare><=>|<=|>=|<>|!=|=|<|>)"
    r"|(?P<space>\s+)"
    r"|(?P<other>\|\||&&|.)",
    re.S,
)
_CALLS = frozenset({"left", "right", "if"})
"""Functions of MySQL whose names are words of SQLite's grammar."""
_ESCAPED = re.compile(r"\\(.)", re.S)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "%": "\\%", "_": "\\_"}


def to_sqlite(statement: str, database: Database) -> str:
    """A statement as SQLite understands it."""
    tokens = [(str(m.lastgroup), m.group()) for m in _TOKEN.finditer(statement)]
    texts = _text_columns_of(database)
    spoken = [i for i, (kind, _) in enumerate(tokens) if kind != "space"]
    written = [_written(kind, text, database.name) for kind, text in tokens]
    for before, middle, after in zip(spoken, spoken[1:], spoken[2:], strict=False):
        if tokens[middle][0] == "compare":
            for column, other in ((before, after), (after, before)):
                if tokens[column][0] == "name" and tokens[other][0] == "number":
                    name = tokens[column][1].rpartition(".")[2].strip("`").lower()
                    if name in texts:
                        written[column] = f"CAST({written[column]} AS REAL)"
        elif tokens[before][1].lower() in _CALLS and tokens[middle][1] == "(":
            written[before] = f'"{tokens[before][1]}"'
    return "".join(written)


def _written(kind: str, text: str, database: str) -> str:
    if kind == "text":
        plain = text[1:-1].replace(text[0] * 2, text[0])
        plain = _ESCAPED.sub(lambda m: _ESCAPES.get(m[1], m[1]), plain)
        return "'" + plain.replace("'", "''") + "'"
    if kind == "name" and "." in text:
        before, _, after = text.partition(".")
        return after if before.strip("`").lower() == database.lower() else text
    if kind == "other":
        return {"/": "*1.0/", "||": " OR ", "&&": " AND "}.get(text, text)
    return text


def _text_columns_of(database: Database) -> frozenset[str]:
    return _text_columns(
        tuple(
            (column.name.lower(), column.kind)
            for table in database.tables.values()
            for column in table.columns
        )
    )


@lru_cache(maxsize=64)
def _text_columns(columns: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Names that are text columns wherever they are columns."""
    texts = {name for name, kind in columns if kind == "text"}
    return frozenset(texts - {name for name, kind in columns if kind != "text"})
