"""Texts as normalised words and clauses, for the leak audit. Everything here is linear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

STOP = frozenset(
    "a an the this that these those is are was were be been being am i it its to of in on at by "
    "for from with into onto inside and or but so then there here as not has have had do did "
    "will would should can could my your his her you we they".split()
)
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen".split()
)
_TENS = {
    word: 10 * n
    for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_CARDINALS = {word: n for n, word in enumerate(_UNITS)}
_ORDINALS = {
    word: str(n)
    for n, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(),
        1,
    )
}
_NUMBERING = frozenset({"number", "no", "nr", "nos"})
_TOKEN = re.compile(
    r"\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)?|[.!?;,:](?=[\s\"')\]]|$)|\n|->|[=()#–—]"
)
_ABBREVIATED = re.compile(r"\bn[or]s?\.[ ]?(?=\d)")
_ENDS = frozenset(".!?;\n")
_BREAKS = frozenset([",", ":", "(", ")", "–", "—"])
_OPENERS = frozenset(
    "and but so because since as where which while although though hence therefore whereas "
    "otherwise then who".split()
)
_LONGEST_CACHED = 4000


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of a sentence that asserts one thing at most.

    Attributes:
        words: its words in lower case, as they stand.
        text: the same with single spaces between.
        key: its normalised words between single spaces, one at each end: names are sought here.
        opener: the word that joins it to what stands before ("" at the beginning of a sentence).
        sentence: number of its sentence.
        question: whether its sentence ends in a question mark.
    """

    words: tuple[str, ...]
    text: str
    key: str
    opener: str
    sentence: int
    question: bool = False

    def has(self, names: Sequence[str]) -> str | None:
        """Return the first of some normalised names that stands here."""
        return next((name for name in names if f" {name} " in self.key), None)


def normalise(text: str) -> str:
    """Lower case, no accents or punctuation, singular, a number after its noun; single spaces."""
    return " ".join(filter(None, map(_line, text.split("\n"))))


def padded(text: str) -> str:
    """Return the normalised text between spaces, so that whole words can be sought in it."""
    return f" {normalise(text)} "


def content(words: str) -> frozenset[str]:
    """Return the words that carry meaning."""
    return frozenset(word for word in words.split() if word not in STOP)


def clauses(text: str) -> list[Clause]:
    """Cut a text at sentence ends, commas, colons and conjunctions."""
    found: list[Clause] = []
    words: list[str] = []
    opener, sentence, first = "", 0, 0

    def close() -> None:
        if words:
            key = f" {' '.join(_normalised(words))} "
            found.append(Clause(tuple(words), " ".join(words), key, opener, sentence))
            words.clear()

    for token in _TOKEN.findall(_plain(text)):
        if token in _ENDS:
            close()
            if token == "?":
                found[first:] = [replace(clause, question=True) for clause in found[first:]]
            opener, sentence, first = "", sentence + 1, len(found)
        elif token in _BREAKS or (token in _OPENERS and (words or opener)):
            close()
            opener = token
        elif token not in ("#", "=", "->") or words:
            words.append(token)
    close()
    return found


def numbers(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield position and value of every number, written in digits or as a cardinal up to 99."""
    for i, word in enumerate(words):
        if word[0].isdigit():
            yield i, word
        elif word in _TENS:
            unit = _CARDINALS.get(words[i + 1], 0) if i + 1 < len(words) else 0
            yield i, str(_TENS[word] + (unit if unit < 10 else 0))
        elif word in _CARDINALS and not (i and words[i - 1] in _TENS):
            yield i, str(_CARDINALS[word])


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).replace("’", "'")
    return _ABBREVIATED.sub("number ", plain)


def _line(text: str) -> str:
    return _cached(text) if len(text) <= _LONGEST_CACHED else _uncached(text)


@lru_cache(maxsize=65536)
def _cached(text: str) -> str:
    return _uncached(text)


def _uncached(text: str) -> str:
    return " ".join(_normalised([t for t in _TOKEN.findall(_plain(text)) if t[0].isalnum()]))


def _normalised(words: Sequence[str]) -> Iterator[str]:
    """Yield words in their plainest form; an ordinal becomes a number after the next word."""
    ordinal = ""
    for i, word in enumerate(words):
        if word in _ORDINALS:
            ordinal = _ORDINALS[word]
            continue
        if not word[0].isalnum() or (word in _NUMBERING and _counts(words, i + 1)):
            continue
        number = _CARDINALS.get(word)
        yield str(number) if number else _singular(word)
        if ordinal:
            yield ordinal
            ordinal = ""


def _counts(words: Sequence[str], i: int) -> bool:
    return i < len(words) and (words[i][0].isdigit() or words[i] in _CARDINALS)


def _singular(word: str) -> str:
    word = word.split("'", 1)[0] or word
    if word.endswith("ves") and len(word) > 4:
        return {"shelves": "shelf", "knives": "knife", "loaves": "loaf"}.get(word, word[:-1])
    if word.endswith(("xes", "sses", "shes", "ches")) or (word.endswith("oes") and len(word) > 5):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    return word
