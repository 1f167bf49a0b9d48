"""Text to index terms, as Lucene's English analysis does it.

Words by the rules of Unicode text segmentation (UAX #29, as Lucene's `StandardTokenizer` applies
them), possessive endings cut, lower case, 33 stop words left out, Porter's stems. Known to differ
on a few rare signs (a half-width voiced mark, for one).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from leap_webshop.porter import stem

STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with".split()
)
_LONGEST = 255
"""Characters; longer words are cut into pieces of this length."""

# Word-break classes, one letter each: letter, number, "_" and its like, katakana, ideograph;
# signs that join letters (M), numbers (C), or both (Q); pictographs; marks that extend (X).
_JOINS_LETTERS = ":\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a"
_JOINS_NUMBERS = ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b"
_JOINS_BOTH = ".'\u2018\u2019\u2024\ufe52\uff07\uff0e"
_PICTOGRAPHS = (
    (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2139, 0x2139), (0x2194, 0x2199),
    (0x21A9, 0x21AA), (0x231A, 0x231B), (0x2328, 0x2328), (0x2388, 0x2388), (0x23CF, 0x23CF),
    (0x23E9, 0x23F3), (0x23F8, 0x23FA), (0x24C2, 0x24C2), (0x25AA, 0x25AB), (0x25B6, 0x25B6),
    (0x25C0, 0x25C0), (0x25FB, 0x25FE), (0x2600, 0x2605), (0x2607, 0x2612), (0x2614, 0x2685),
    (0x2690, 0x2705), (0x2708, 0x2712), (0x2714, 0x2714), (0x2716, 0x2716), (0x271D, 0x271D),
    (0x2721, 0x2721), (0x2728, 0x2728), (0x2733, 0x2734), (0x2744, 0x2744), (0x2747, 0x2747),
    (0x274C, 0x274C), (0x274E, 0x274E), (0x2753, 0x2755), (0x2757, 0x2757), (0x2763, 0x2767),
    (0x2795, 0x2797), (0x27A1, 0x27A1), (0x27B0, 0x27B0), (0x27BF, 0x27BF), (0x2934, 0x2935),
    (0x2B05, 0x2B07), (0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55), (0x3030, 0x3030),
    (0x303D, 0x303D), (0x3297, 0x3297), (0x3299, 0x3299), (0x1F000, 0x1FAFF), (0xA9, 0xA9),
    (0xAE, 0xAE),
)  # fmt: skip


class _Classes(dict[int, str]):
    """Class of each code point, worked out at its first appearance; for `str.translate`."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _class_of(chr(code))
        return found


def _class_of(char: str) -> str:
    for signs, name in ((_JOINS_LETTERS, "M"), (_JOINS_NUMBERS, "C"), (_JOINS_BOTH, "Q")):
        if char in signs:
            return name
    code, category = ord(char), unicodedata.category(char)
    if category == "Pc":
        return "E"
    if category in ("Mn", "Mc", "Me", "Cf"):
        return " " if code == 0x200B else "X"
    if category == "Nd":
        return "N"
    if (
        (0x30A0 < code <= 0x30FF and code != 0x30FB)
        or 0x31F0 <= code <= 0x31FF
        or (0xFF66 <= code <= 0xFF9D)
    ):
        return "K"
    if (
        0x3041 <= code <= 0x309F
        or 0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or (0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF or code in (0x3005, 0x3007))
    ):
        return "H"
    if category[0] == "L" or category == "Nl" or 0x24B6 <= code <= 0x24E9:
        return "L"
    return "P" if any(low <= code <= high for low, high in _PICTOGRAPHS) else " "


_CLASSES = _Classes()
_WORD = re.compile(r"E*[LN](?:[LNE]|(?<=L)[MQ](?=L)|(?<=N)[CQ](?=N))*|E*K[KE]*|H|P")
_POSSESSIVE = ("'s", "\u2019s", "\uff07s")


def analyze(text: str) -> list[str]:
    """The index terms of a text, in order, repeated as often as they occur."""
    terms = []
    for word in words(text.lower()):
        term = _term(word)
        if term:
            terms.append(term)
    return terms


def words(text: str) -> list[str]:
    """Cut a text into words."""
    classes = text.translate(_CLASSES)
    if "X" in classes:
        found = _around_marks(text, classes)
    else:
        found = [text[m.start() : m.end()] for m in _WORD.finditer(classes)]
    if any(len(word) > _LONGEST for word in found):
        return [w[i : i + _LONGEST] for w in found for i in range(0, len(w), _LONGEST)]
    return found


def _around_marks(text: str, classes: str) -> list[str]:
    """Words of a text with combining marks: a mark belongs to the sign before it."""
    kept = [i for i, name in enumerate(classes) if name != "X"]
    ends = [*kept[1:], len(text)]
    plain = "".join(classes[i] for i in kept)
    return [text[kept[m.start()] : ends[m.end() - 1]] for m in _WORD.finditer(plain)]


@lru_cache(maxsize=1 << 18)
def _term(word: str) -> str:
    """The index term of a lower-case word; empty for a stop word."""
    if word.endswith(_POSSESSIVE):
        word = word[:-2]
    return "" if word in STOP_WORDS else stem(word)
