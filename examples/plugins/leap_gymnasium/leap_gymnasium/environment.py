"""Gymnasium's environments as one of LEAP's: seeds are tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium

from leap_core import ConfigError, Environment, Layout, LazyTasks, Task, unknown
from leap_gymnasium.episode import GymnasiumEpisode, make
from leap_gymnasium.options import GymnasiumOptions


class GymnasiumEnvironment(Environment):
    """Any Gymnasium environment whose observations and actions are, or can be named in, text."""

    Options = GymnasiumOptions
    horizon = 100

    def __init__(self, options: GymnasiumOptions) -> None:
        """Make the environment once, so that what does not fit is said now.

        Raises:
            ConfigError: there is no such environment, or it speaks no text.
        """
        self.options = options
        make(options).close()

    def splits(self) -> Sequence[str]:
        """Names of the splits."""
        return list(self.options.splits)

    def tasks(self, split: str) -> Sequence[Task]:
        """The seeds of a split; no seed is in two of them."""
        sizes = self.options.splits
        if split not in sizes:
            raise ConfigError(unknown("split", split, sizes))
        names = list(sizes)
        first = sum(sizes[name] for name in names[: names.index(split)])
        return LazyTasks(sizes[split], lambda i: self._task(split, first + i))

    def _task(self, split: str, seed: int) -> Task:
        return Task(
            id=f"{self.options.id}/{seed}", split=split, goal=self.options.goal, data={"seed": seed}
        )

    def open(self, task: Task, seed: int) -> GymnasiumEpisode:
        """Open a task. Its chance is that of its own seed: the same in every episode."""
        return GymnasiumEpisode(self.options, int(task.data["seed"]))

    def layout(self) -> Layout:
        """A plain transcript."""
        return Layout(
            opening="{% if goal %}Task: {{ goal }}\n{% endif %}{{ observation }}\n",
            turn="> {{ action }}\n{{ observation }}\n",
            branch="{% if candidates %}Actions: {{ candidates | join(', ') }}\n{% endif %}",
        )

    def fingerprint(self) -> dict[str, Any]:
        """Version of Gymnasium, and which environment."""
        return {"engine": f"gymnasium {gymnasium.__version__}", "id": self.options.id}
