"""MySQL's aggregates that SQLite does not have."""

from __future__ import annotations

import math
from typing import Any

from leap_intercode.sql.mysql.collation import general_key

LONGEST_CONCAT = 1024
"""Bytes of a GROUP_CONCAT: MySQL's group_concat_max_len."""
_MOST_ITEMS = 200_000


class Spread:
    """Variance of a population by Welford's method; the subclasses make the rest of it."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def step(self, value: Any) -> None:
        """Take a value."""
        if value is None:
            return
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    def finalize(self) -> float | None:
        """Return the variance."""
        return self.squares / self.count if self.count else None


class Deviation(Spread):
    """Standard deviation of a population."""

    def finalize(self) -> float | None:
        """Return the deviation."""
        return math.sqrt(self.squares / self.count) if self.count else None


class SampleSpread(Spread):
    """Variance of a sample."""

    def finalize(self) -> float | None:
        """Return the variance."""
        return self.squares / (self.count - 1) if self.count > 1 else None


class SampleDeviation(Spread):
    """Standard deviation of a sample."""

    def finalize(self) -> float | None:
        """Return the deviation."""
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None


class _Bits:
    start = 0

    def __init__(self) -> None:
        self.bits = self.start

    def finalize(self) -> int:
        """Return the bits."""
        return self.bits


class BitOr(_Bits):
    """BIT_OR."""

    def step(self, value: Any) -> None:
        """Take a value."""
        self.bits |= int(value or 0)


class BitXor(_Bits):
    """BIT_XOR."""

    def step(self, value: Any) -> None:
        """Take a value."""
        self.bits ^= int(value or 0)


class BitAnd(_Bits):
    """BIT_AND."""

    start = -1

    def step(self, value: Any) -> None:
        """Take a value."""
        self.bits &= -1 if value is None else int(value)


class GroupConcat:
    """GROUP_CONCAT(text, separator, distinct, directions, *keys).

    `directions` has a letter for each key: "a" up, "d" down. Without keys, distinct values come
    sorted, as MySQL's tree of them is.
    """

    def __init__(self) -> None:
        self.items: list[tuple[str, tuple[Any, ...]]] = []
        self.separator, self.distinct, self.directions = ",", 0, ""

    def step(self, text: Any, separator: str, distinct: int, directions: str, *keys: Any) -> None:
        """Take a value."""
        self.separator, self.distinct, self.directions = separator, distinct, directions
        if text is not None and len(self.items) < _MOST_ITEMS:
            self.items.append((text, keys))

    def finalize(self) -> str | None:
        """Return the texts, joined and cut."""
        if not self.items:
            return None
        items = self.items
        if self.distinct:
            kept: dict[str, tuple[str, tuple[Any, ...]]] = {}
            for item in items:
                kept.setdefault(general_key(item[0]), item)
            items = [kept[key] for key in sorted(kept)]
        for place in reversed(range(len(self.directions))):
            items.sort(key=lambda i: sortable(i[1][place]), reverse=self.directions[place] == "d")
        joined = self.separator.join(text for text, _ in items)
        return joined.encode()[:LONGEST_CONCAT].decode("utf-8", "ignore")


def sortable(value: Any) -> tuple[int, Any]:
    """Return a key that sorts a value as MySQL does: NULL first, texts by their collation."""
    if value is None:
        return (0, 0)
    if isinstance(value, str):
        return (2, general_key(value))
    return (1, value)


AGGREGATES: dict[str, tuple[int, type]] = {
    "my_var": (1, Spread),
    "my_std": (1, Deviation),
    "my_var_samp": (1, SampleSpread),
    "my_std_samp": (1, SampleDeviation),
    "my_bit_or": (1, BitOr),
    "my_bit_xor": (1, BitXor),
    "my_bit_and": (1, BitAnd),
    "my_group_concat": (-1, GroupConcat),
}
"""Names, how many arguments (-1: any), and classes."""
