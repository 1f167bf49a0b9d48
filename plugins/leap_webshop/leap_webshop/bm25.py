"""BM25 as Lucene computes it, to the bit: single-precision scores, lengths in one byte.

k1 and b are WebShop's (0.9 and 0.4). A document's length is kept in a byte with four significant
bits, as Lucene's `SmallFloat.intToByte4` does.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

K1, B = np.float32(0.9), np.float32(0.4)

Floats = npt.NDArray[np.float32]


def encode_length(length: int) -> int:
    """The byte that stands for a document of so many terms."""
    if length < 24:
        return length
    rest = length - 24
    bits = rest.bit_length()
    if bits < 4:
        return 24 + rest
    shift = bits - 4
    return 24 + ((rest >> shift & 7) | (shift + 1) << 3)


def decode_length(byte: int) -> int:
    """The length that a byte stands for."""
    if byte < 24:
        return byte
    rest = byte - 24
    bits, shift = rest & 7, (rest >> 3) - 1
    return 24 + (bits if shift < 0 else (bits | 8) << shift)


def average_length(documents: int, terms: int) -> np.float32:
    """Mean length of a document; never 0."""
    average: np.float32 = np.float32(max(terms, 1) / max(documents, 1))
    return average


def denominators(average: np.float32) -> Floats:
    """`1 + tf / (k1 (1 - b + b length / average))` for each code `tf << 8 | length byte`."""
    one = np.float32(1)
    lengths = np.array([decode_length(byte) for byte in range(256)], np.float32)
    inverse = one / (K1 * ((one - B) + B * lengths / average))
    counts = np.arange(256, dtype=np.float32)
    return np.asarray(one + counts[:, None] * inverse[None, :], np.float32).ravel()


def weight(documents: int, matching: int, times: int) -> np.float32:
    """Weight of a term that stands `times` times in the query: its idf, as often."""
    idf = np.float32(math.log(1 + (documents - matching + 0.5) / (matching + 0.5)))
    heft: np.float32 = np.float32(times * float(idf))
    return heft
