"""How alike two outputs are: cosine of TF-IDF vectors, with scikit-learn's default settings."""

from __future__ import annotations

import re
from collections import Counter
from math import log, sqrt

_WORD = re.compile(r"\b\w\w+\b")


def similarity(one: str, other: str | None) -> float:
    """Cosine of the TF-IDF vectors over these two texts, 0 … 1.

    Words have two letters or more, in lower case; idf = ln(3 / (1 + texts with the word)) + 1.
    Where no word is in either text (or `other` is no text), 1 if they are equal, else 0.
    """
    if other is None:
        return 0.0
    first, second = Counter(_words(one)), Counter(_words(other))
    if not first and not second:
        return 1.0 if one == other else 0.0
    if not first or not second:
        return 0.0
    shared = first.keys() & second.keys()
    apart = log(1.5) + 1
    dot = sum(first[word] * second[word] for word in shared)
    return dot / (_norm(first, shared, apart) * _norm(second, shared, apart))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _norm(counts: Counter[str], shared: set[str], apart: float) -> float:
    return sqrt(sum((c if w in shared else c * apart) ** 2 for w, c in counts.items()))
