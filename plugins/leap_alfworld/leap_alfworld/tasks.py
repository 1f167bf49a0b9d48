"""The tasks of generated splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from leap_alfworld.generator import Generator
from leap_core import Task

DEFAULT_SIZES = {
    "train": 3553,
    "valid_seen": 140,
    "valid_unseen": 134,
    "test_seen": 140,
    "test_unseen": 134,
}
"""How many games a generated split has, after upstream's."""


class GeneratedTasks(Sequence[Task]):
    """The tasks of a generated split, each made when it is asked for."""

    def __init__(self, generator: Generator, split: str, count: int) -> None:
        self.generator, self.split, self.size = generator, split, count

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> list[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | list[Task]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.size))]
        if not -self.size <= index < self.size:
            raise IndexError(index)
        index %= self.size
        key = self.generator.task_id(self.split, index)
        sentence = self.generator.game(self.split, index).task
        return Task(key, self.split, sentence, self.generator.task_type(index), {"game": key})
