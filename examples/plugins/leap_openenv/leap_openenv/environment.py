"""An OpenEnv server as one of LEAP's environments: seeds are tasks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from leap_core import ConfigError, Environment, EnvironmentContext, Layout, LazyTasks, Task, unknown
from leap_openenv.episode import OpenEnvEpisode
from leap_openenv.options import OpenEnvOptions


class OpenEnvEnvironment(Environment):
    """Whatever the server at `base_url` plays."""

    Options = OpenEnvOptions
    horizon = 30

    options: OpenEnvOptions

    def __init__(self, options: OpenEnvOptions, context: EnvironmentContext | None = None) -> None:
        super().__init__(options, context)

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
        return Task(id=f"seed-{seed}", split=split, goal=self.options.goal, data={"seed": seed})

    def open(self, task: Task, seed: int) -> OpenEnvEpisode:
        """Open a task. Its chance is that of its own seed: the same in every episode."""
        return OpenEnvEpisode(self.options, int(task.data["seed"]))

    def layout(self) -> Layout:
        """A plain transcript."""
        return Layout(
            opening="{% if goal %}Task: {{ goal }}\n{% endif %}{{ observation }}\n",
            turn="> {{ action }}\n{{ observation }}\n",
            branch="{% if candidates %}Actions: {{ candidates | join(', ') }}\n{% endif %}",
        )

    def fingerprint(self) -> dict[str, Any]:
        """Version of the client, and which server. What the server runs is the server's."""
        return {
            "engine": f"openenv-core {version('openenv-core')}",
            "server": self.options.base_url,
        }
