"""A taskset of verifiers as one of LEAP's environments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

from leap_core import ConfigError, Environment, Layout, Task, unknown
from leap_verifiers.episode import VerifiersEpisode, loop
from leap_verifiers.loading import check_task, load
from leap_verifiers.options import VerifiersOptions


class VerifiersEnvironment(Environment):
    """An environment of verifiers in which one agent talks."""

    Options = VerifiersOptions
    horizon = 20

    def __init__(self, options: VerifiersOptions) -> None:
        """Load it.

        Raises:
            ConfigError: there is no such taskset, or it cannot be played.
        """
        self.options = options
        self.env = load(options)
        loop()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.options,)

    @cached_property
    def theirs(self) -> list[Any]:
        """The tasks of all splits, as verifiers has them."""
        wanted = sum(self.options.splits.values())
        found = list(itertools.islice(iter(self.env.taskset), wanted))
        if len(found) < wanted:
            raise ConfigError(
                f"'{self.options.taskset}' has {len(found)} tasks, and the option 'splits' wants "
                f"{wanted}"
            )
        for task in found:
            check_task(task)
        return found

    def splits(self) -> Sequence[str]:
        """Names of the splits."""
        return list(self.options.splits)

    def tasks(self, split: str) -> Sequence[Task]:
        """The tasks of a split, in the taskset's order."""
        sizes = self.options.splits
        if split not in sizes:
            raise ConfigError(unknown("split", split, sizes))
        names = list(sizes)
        first = sum(sizes[name] for name in names[: names.index(split)])
        numbers = range(first, first + sizes[split])
        assert len(self.theirs) >= numbers.stop
        return [
            Task(id=f"{self.options.taskset}/{n}", split=split, data={"number": n}) for n in numbers
        ]

    def open(self, task: Task, seed: int) -> VerifiersEpisode:
        """Open a task; its chance is its own."""
        return VerifiersEpisode(self.env, self.theirs[task.data["number"]], self.options)

    def layout(self) -> Layout:
        """A plain transcript."""
        return Layout(
            opening="{{ observation }}\n", turn="> {{ action }}\n{{ observation }}\n", branch=""
        )

    def fingerprint(self) -> dict[str, Any]:
        """Version of verifiers, and which taskset."""
        return {"engine": f"verifiers {version('verifiers')}", "taskset": self.options.taskset}
