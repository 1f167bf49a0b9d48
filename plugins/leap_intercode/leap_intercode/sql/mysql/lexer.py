"""Comments, strings and parentheses of a statement, before it is parsed; linear in its length."""

from __future__ import annotations

import re

from leap_intercode.sql.mysql.errors import MysqlError, syntax
from leap_intercode.sql.mysql.words import TIGHT

LONGEST = 1 << 20
"""Characters of a statement; MySQL's max_allowed_packet is its counterpart."""
DEEPEST = 60
"""Parentheses within parentheses."""

_PIECE = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`)"""
    r"|(?P<line>--(?=[\s\x00-\x1f]|\Z)[^\n]*|\#[^\n]*)"
    r"|(?P<version>/\*!\d*|\*/)"
    r"|(?P<block>/\*.*?\*/)"
    r"|(?P<path>(?:\w+\s*\.\s*){4})"
    r"|(?P<call>[A-Za-z_]\w*\s+\()"
    r"|(?P<word>[\w$]+)"
    r"|(?P<open>\()|(?P<close>\))"
    r"|(?P<end>;)"
    r"|(?P<foreign>[\[\]{}?\\]|==|::|\#>|'|\"|`|/\*)"
    r"|(?P<plain>\s+|.)",
    re.S,
)
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_ESCAPED = re.compile(r"\\(.)", re.S)


_CLAUSES = frozenset("FROM WHERE GROUP ORDER HAVING LIMIT UNION ON JOIN INTO".split())
"""Words that no list goes on with."""


def prepared(text: str) -> str:
    """Return the one statement in `text`, comments blanked out, every place kept.

    Raises:
        MysqlError: it is too long or nested too deeply, is empty, or something in it is no SQL.
    """
    if len(text) > LONGEST:
        raise MysqlError(1153, "Got a packet bigger than 'max_allowed_packet' bytes")
    pieces: list[str] = []
    depth, ended, last = 0, False, ""
    for piece in _PIECE.finditer(text):
        kind, word = piece.lastgroup, piece.group()
        if kind in ("line", "block", "version"):
            pieces.append(re.sub(r"[^\n]", " ", word))
            continue
        if kind == "end":
            if not last:
                raise syntax(text, piece.start())
            ended = True
            pieces.append(" ")
            continue
        pieces.append(word)
        if kind == "plain" and word.isspace():
            continue
        if ended or kind in ("foreign", "path"):
            raise syntax(text, piece.start() + (word == "=="))
        depth = _depth(depth, kind, text, piece)
        if last in (",", "SELECT") and (kind == "close" or word.upper() in _CLAUSES):
            raise syntax(text, piece.start())
        last = word.upper()
    if not last:
        raise MysqlError(1065, "Query was empty")
    if last in (",", "SELECT"):
        raise syntax(text, len(text))
    return "".join(pieces)


def _depth(depth: int, kind: str | None, text: str, piece: re.Match[str]) -> int:
    """Return how deep the parentheses are after a piece."""
    if kind in ("open", "call"):
        if depth >= DEEPEST:
            raise MysqlError(1436, "Thread stack overrun: the statement is nested too deeply")
        if kind == "call":
            _tight(text, piece.group(), piece.end())
        return depth + 1
    if kind == "close" and depth == 0:
        raise syntax(text, piece.start())
    return depth - (kind == "close")


def _tight(text: str, call: str, after: int) -> None:
    name = call[:-1].rstrip()
    if name.upper() not in TIGHT:
        return
    while after < len(text) and text[after].isspace():
        after += 1
    if text[after : after + 8].upper().startswith(("*", "DISTINCT", "ALL ")):
        raise syntax(text, after)
    raise MysqlError(
        1630,
        f"FUNCTION {name} does not exist. Check the 'Function Name Parsing and Resolution' section "
        "in the Reference Manual",
    )


def text_of(literal: str) -> str:
    """Return the text that a quoted literal stands for.

    A backslash before `%` or `_` stays, as MySQL keeps it for LIKE.
    """
    quote, inner = literal[0], literal[1:-1].replace(literal[0] * 2, literal[0])
    if quote == "`" or "\\" not in inner:
        return inner
    return _ESCAPED.sub(lambda m: m[0] if m[1] in "%_" else _ESCAPES.get(m[1], m[1]), inner)
