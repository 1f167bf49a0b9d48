"""Building the search index: documents in blocks, then one merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leap_webshop.analysis import analyze
from leap_webshop.bm25 import average_length, denominators, encode_length
from leap_webshop.index import term_key

Array = npt.NDArray[Any]
Allocate = Callable[[str, int, Any], Array]


@dataclass(frozen=True)
class Block:
    """Postings of consecutive documents, in the order of terms.

    `keys` are the sorted keys of the block's terms, `counts` how many postings each has;
    `documents` counts from the block's first.
    """

    size: int
    terms: int
    keys: Array
    counts: Array
    documents: Array
    codes: Array


_KEYS: dict[str, int] = {}


def block(texts: Sequence[str]) -> Block:
    """Analyse texts and sort their postings."""
    keys: list[int] = []
    documents: list[int] = []
    codes: list[int] = []
    total = 0
    for number, text in enumerate(texts):
        terms = analyze(text)
        total += len(terms)
        length = encode_length(len(terms))
        counted = Counter(terms)
        keys += [_key(term) for term in counted]
        codes += [min(times, 255) << 8 | length for times in counted.values()]
        documents += [number] * len(counted)
    all_keys = np.array(keys, np.uint64)
    order = np.argsort(all_keys, kind="stable")
    unique, counts = np.unique(all_keys, return_counts=True)
    return Block(
        len(texts),
        total,
        unique,
        counts,
        np.array(documents, np.int32)[order],
        np.array(codes, np.uint16)[order],
    )


def _key(term: str) -> int:
    found = _KEYS.get(term)
    if found is None:
        if len(_KEYS) > 1 << 20:
            _KEYS.clear()
        found = _KEYS[term] = term_key(term)
    return found


def in_memory(name: str, size: int, dtype: Any) -> Array:
    """Room for an array, in memory."""
    return np.empty(size, dtype)


def merge(
    blocks: Callable[[], Iterable[Block]], ids: Sequence[str], allocate: Allocate = in_memory
) -> dict[str, Array]:
    """Join blocks to the arrays of an `Index`; `blocks()` is gone through twice.

    `allocate(name, size, dtype)` gives room for an array (in memory, or mapped from a file).
    """
    keys = np.empty(0, np.uint64)
    totals = np.zeros(2, np.int64)
    pending: list[Array] = []
    for part in blocks():
        pending.append(part.keys)
        totals += (part.size, part.terms)
        if len(pending) > 16:
            keys, pending = np.unique(np.concatenate((keys, *pending))), []
    keys = np.unique(np.concatenate((keys, *pending)))
    counts = np.zeros(len(keys), np.int64)
    for part in blocks():
        counts[np.searchsorted(keys, part.keys)] += part.counts
    arrays = {
        "keys": allocate("keys", len(keys), np.uint64),
        "starts": allocate("starts", len(keys) + 1, np.int64),
        "documents": allocate("documents", int(counts.sum()), np.int32),
        "codes": allocate("codes", int(counts.sum()), np.uint16),
        "peaks": allocate("peaks", len(keys), np.float32),
        "ranks": allocate("ranks", len(ids), np.int32),
        "totals": allocate("totals", 2, np.int64),
    }
    arrays["keys"][:], arrays["totals"][:] = keys, totals
    arrays["starts"][0] = 0
    np.cumsum(counts, out=arrays["starts"][1:])
    arrays["ranks"][np.argsort(np.array(ids))] = np.arange(len(ids), dtype=np.int32)
    _place(blocks(), keys, arrays)
    _peaks(arrays, totals)
    return arrays


def _place(blocks: Iterable[Block], keys: Array, arrays: dict[str, Array]) -> None:
    """Put each block's postings behind those of the blocks before it."""
    free = arrays["starts"][:-1].copy()
    first = 0
    for part in blocks:
        terms = np.searchsorted(keys, part.keys)
        begins = np.cumsum(part.counts) - part.counts
        places = np.repeat(free[terms] - begins, part.counts) + np.arange(len(part.documents))
        arrays["documents"][places] = part.documents + first
        arrays["codes"][places] = part.codes
        free[terms] += part.counts
        first += part.size


def _peaks(arrays: dict[str, Array], totals: Array) -> None:
    """The largest denominator of each term bounds what the term can add to a score."""
    table = denominators(average_length(*map(int, totals)))
    starts, codes = arrays["starts"], arrays["codes"]
    step = 1 << 20
    for low in range(0, len(starts) - 1, step):
        high = min(low + step, len(starts) - 1)
        part = table[codes[starts[low] : starts[high]]]
        arrays["peaks"][low:high] = np.maximum.reduceat(part, starts[low:high] - starts[low])
