"""The search index: postings in arrays, and the best documents for a query.

Documents are scored term by term, rare terms first. Once the terms to come cannot lift a new
document among the best (MaxScore, Turtle and Flood 1995), only documents already found are looked
up; what is returned is exactly what scoring everything would return.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_webshop.analysis import analyze
from leap_webshop.bm25 import average_length, denominators, weight

Array = npt.NDArray[Any]
_SLACK = 1 - 1e-6
"""Bounds are compared with this much room for rounding."""
_ENOUGH = 4
"""A bound on the best is looked for once so many times as many documents are found as wanted."""


def term_key(term: str) -> int:
    """A term's 64-bit key."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class _Term:
    start: int
    stop: int
    weight: np.float32
    most: float
    """No document gets more than this from the term."""


class Index:
    """Postings of all documents.

    Arrays: `keys` (sorted term keys), `starts` (where each term's postings begin, one more than
    terms), `documents` and `codes` (of each posting: which document, `tf << 8 | length byte`),
    `peaks` (largest denominator of each term), `ranks` (each document's place in the order of ids,
    which settles equal scores), `totals` (documents, terms in all of them).
    """

    NAMES = ("keys", "starts", "documents", "codes", "peaks", "ranks", "totals")

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.keys, self.starts = arrays["keys"], arrays["starts"]
        self.documents, self.codes = arrays["documents"], arrays["codes"]
        self.peaks, self.ranks = arrays["peaks"], arrays["ranks"]
        self.size, terms = (int(total) for total in arrays["totals"])
        self.denominators = denominators(average_length(self.size, terms))
        self._scores = np.zeros(self.size, np.float64)
        self._lock = threading.Lock()

    def search(self, query: str, k: int) -> list[int]:
        """The `k` best documents for a query, best first; equal scores by the order of ids."""
        terms = self._terms(query)
        if not terms or k < 1:
            return []
        with self._lock:
            found = self._candidates(terms, k)
            scores = self._scores[found].astype(np.float32)
            self._scores[found] = 0.0
        if not len(found):
            return []
        if len(found) > k:
            bar = np.partition(scores, len(scores) - k)[len(scores) - k]
            keep = scores >= bar
            found, scores = found[keep], scores[keep]
        order = np.lexsort((self.ranks[found], -scores))[:k]
        return [int(document) for document in found[order]]

    def _terms(self, query: str) -> list[_Term]:
        """The query's terms that occur at all, those with the highest bound first."""
        terms = []
        for term, times in Counter(analyze(query)).items():
            key = np.uint64(term_key(term))
            place = int(np.searchsorted(self.keys, key))
            if place == len(self.keys) or self.keys[place] != key:
                continue
            start, stop = int(self.starts[place]), int(self.starts[place + 1])
            heft = weight(self.size, stop - start, times)
            terms.append(_Term(start, stop, heft, float(heft - heft / self.peaks[place])))
        return sorted(terms, key=lambda t: (-t.most, t.start))

    def _candidates(self, terms: list[_Term], k: int) -> Array:
        """Documents among which the best are, with their scores in `_scores` (zero elsewhere)."""
        scores = self._scores
        found: Array = np.empty(0, np.int32)
        to_come = sum(term.most for term in terms)
        for i, term in enumerate(terms):
            documents = self.documents[term.start : term.stop]
            gains = self._gains(term, slice(term.start, term.stop))
            before = scores[documents]
            scores[documents] = before + gains
            found = np.concatenate((found, documents[before == 0.0]))
            to_come -= term.most
            bar = self._bar(found, k)
            if to_come < bar * _SLACK:
                return self._look_up(terms[i + 1 :], found, to_come, bar, k)
        return found

    def _bar(self, found: Array, k: int) -> float:
        """A score that `k` documents already have; 0 where so few are found."""
        if len(found) < k:
            return 0.0
        scores = self._scores[found]
        return float(np.partition(scores, len(scores) - k)[len(scores) - k])

    def _look_up(
        self, terms: list[_Term], found: Array, to_come: float, bar: float, k: int
    ) -> Array:
        """Add the remaining terms to those documents that can still be among the best."""
        scores = self._scores
        for i in range(len(terms) + 1):
            keep = scores[found] + to_come >= bar * _SLACK
            scores[found[~keep]] = 0.0
            found = found[keep]
            if i == len(terms):
                return found
            term = terms[i]
            documents = self.documents[term.start : term.stop]
            places = np.searchsorted(documents, found)
            inside = places < len(documents)
            inside[inside] = documents[places[inside]] == found[inside]
            hits = found[inside]
            scores[hits] += self._gains(term, term.start + places[inside])
            to_come -= term.most
            bar = max(bar, self._bar(found, k))
        return found

    def _gains(self, term: _Term, places: slice | Array) -> Array:
        """What the term adds to the score of each of these postings' documents."""
        gains: Array = term.weight - term.weight / self.denominators[self.codes[places]]
        return gains
