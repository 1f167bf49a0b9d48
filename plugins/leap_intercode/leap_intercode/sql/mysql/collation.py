"""How MySQL compares texts: utf8mb4_general_ci (columns) and utf8mb4_0900_ai_ci (literals).

general_ci gives each character one weight: that of the capital letter under its accents; blanks at
the end do not count. 0900_ai_ci is the Unicode collation algorithm at its first level: accents and
case do not count, ligatures and compatible forms are what they stand for, blanks do count.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

GENERAL, UCA, BINARY = "general_ci", "ai_ci", "BINARY"

_OLD = unicodedata.ucd_3_2_0
"""The tables of general_ci are older than most of Unicode."""
_GENERAL = {"ß": "S", "ŉ": "ŉ", "й": "Й", "Й": "Й", "ϲ": "Σ", "\u0345": "Ι"}
_ACCENTED = (
    range(0x00C0, 0x0250),
    range(0x0388, 0x0482),
    range(0x04C1, 0x04FA),
    range(0x1E00, 0x2000),
)
"""Blocks in which accents do not count."""
_STROKES = str.maketrans("ØøŁłĐđĦħŦŧ", "OoLlDdHhTt")
_LIGATURES = {"Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "ẞ": "SS"}


@lru_cache(maxsize=4096)
def weight(character: str) -> str:
    """Return the character that stands for another in general_ci."""
    if character in _GENERAL:
        return _GENERAL[character]
    if ord(character) > 0xFFFF:
        return "\ufffd"
    if _OLD.category(character) == "Cn":
        return character
    base = character
    if any(ord(character) in block for block in _ACCENTED):
        base = _OLD.normalize("NFD", character)[0]
    capital = base.upper()
    known = len(capital) == 1 and _OLD.category(capital) != "Cn"
    return capital if known else base


class _Weights(dict[int, str]):
    def __missing__(self, code: int) -> str:
        found = self[code] = weight(chr(code))
        return found


_WEIGHTS = _Weights()


def folded(text: str) -> str:
    """Return the text with each character as general_ci weighs it, blanks at the end kept."""
    return text.upper() if text.isascii() else text.translate(_WEIGHTS)


@lru_cache(maxsize=65536)
def general_key(text: str) -> str:
    """Return what compares as the text does under utf8mb4_general_ci."""
    return folded(text.rstrip(" "))


@lru_cache(maxsize=65536)
def uca_key(text: str) -> tuple[tuple[int, str], ...]:
    """Return what compares as the text does under utf8mb4_0900_ai_ci."""
    plain = text
    if not text.isascii():
        for one, many in _LIGATURES.items():
            plain = plain.replace(one, many)
        plain = unicodedata.normalize("NFKD", plain.translate(_STROKES))
        plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return tuple((_class(sign), sign) for sign in plain.casefold() if _class(sign))


_CLASSES = {"Z": 1, "P": 2, "S": 3, "N": 4, "L": 5}


@lru_cache(maxsize=4096)
def _class(character: str) -> int:
    """Return the place of a character's class in the default table; 0 if it is ignored."""
    if character in "\t\n\v\f\r":
        return 1
    return _CLASSES.get(unicodedata.category(character)[0], 0)


def _comparing(key: Callable[[str], object]) -> Callable[[str, str], int]:
    def compare(one: str, other: str) -> int:
        if one == other:
            return 0
        first, second = key(one), key(other)
        return (first > second) - (first < second)  # type: ignore[operator,no-any-return]

    return compare


COMPARE = {GENERAL: _comparing(general_key), UCA: _comparing(uca_key)}
"""What SQLite calls for each collation."""

KEY: dict[str, Callable[[str], object]] = {
    GENERAL: general_key,
    UCA: uca_key,
    BINARY: lambda text: text,
}
"""What sorts as each collation does."""
