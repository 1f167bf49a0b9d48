"""Which goals are in which split, and the tasks made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import overload

from leap_core import DataError, Task
from leap_webshop.goals import Goal

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


class Tasks(Sequence[Task]):
    """The tasks of a split, each made when it is asked for."""

    def __init__(self, prefix: str, split: str, places: range, goal: Callable[[int], Goal]) -> None:
        self.prefix, self.split, self.places, self.goal = prefix, split, places, goal

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> list[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | list[Task]:
        if isinstance(index, slice):
            return [self._task(place) for place in self.places[index]]
        return self._task(self.places[index])

    def _task(self, place: int) -> Task:
        goal = self.goal(place)
        key = f"{self.prefix}/{place}"
        return Task(key, self.split, goal.instruction, goal.category, {"goal": place})
