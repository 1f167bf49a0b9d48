"""Which goals are in which split."""

from __future__ import annotations

from collections.abc import Mapping

from leap_core import DataError

Ranges = Mapping[str, tuple[int, int | None]]
OFFICIAL: Ranges = {"train": (1500, None), "valid": (500, 1500), "test": (0, 500)}
"""Upstream's: of 12,087 human goals the first 500 test, the next 1,000 validate, 10,587 train."""
GENERATED: Ranges = {"train": (400, None), "valid": (200, 400), "test": (0, 200)}


def split_range(ranges: Ranges, split: str, goals: int) -> range:
    """The places of a split in the order of goals.

    Raises:
        DataError: there are too few goals for it.
    """
    start, stop = ranges[split]
    places = range(start, goals if stop is None else min(stop, goals))
    if not places or (stop is not None and stop > goals):
        until = "on" if stop is None else f"to {stop:,}"
        raise DataError(
            f"split '{split}' takes goals from {start:,} {until}, but there are only {goals:,}; "
            "set the option 'splits', such as {train: [100, null], valid: [50, 100], "
            "test: [0, 50]}, or take 'goals: synthetic'"
        )
    return places
