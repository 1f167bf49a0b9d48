"""Texts as normalised words, for the leak audit."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

STOP = frozenset(
    "a an the this that these those is are was were be been being am i it its to of in on at by "
    "for from with into onto inside and or but so then there here as not has have had do did "
    "will would should can could my your his her you we they".split()
)
_NUMBERS = {
    word: str(number)
    for number, words in enumerate(
        "one first|two second|three third|four fourth|five fifth|six sixth|seven seventh|"
        "eight eighth|nine ninth|ten tenth".split("|"),
        1,
    )
    for word in words.split()
}
_ORDINALS = {word for word in _NUMBERS if word[-2:] in ("st", "nd", "rd", "th")}
_WORD = re.compile(r"\d+|[^\W\d_]+")
_NUMBERED = re.compile(r"(?<=[^\W\d_])\s+(?:number|no\.?|nr\.?)\s*(?=\d|one|two|three|four|five)|#")
_SENTENCE = re.compile(r"[.!?;\n]+(?=\s|$)|\n")


def normalise(text: str) -> str:
    """Lower case, no accents or punctuation, singular, a number after its noun; single spaces."""
    return " ".join(filter(None, map(_line, text.split("\n"))))


def sentences(text: str) -> list[str]:
    """The sentences of a text, each normalised."""
    return [words for part in _SENTENCE.split(text) if (words := normalise(part))]


def content(words: str) -> frozenset[str]:
    """Words that carry meaning."""
    return frozenset(word for word in words.split() if word not in STOP)


@lru_cache(maxsize=65536)
def _line(text: str) -> str:
    plain = _NUMBERED.sub(" ", unicodedata.normalize("NFKD", text).casefold())
    words: list[str] = []
    ordinal = ""
    for word in _WORD.findall(plain):
        if word in _ORDINALS:
            ordinal = _NUMBERS[word]
            continue
        words.append(_NUMBERS.get(word) or _singular(word))
        if ordinal:
            words.append(ordinal)
            ordinal = ""
    return " ".join(words)


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    return word
