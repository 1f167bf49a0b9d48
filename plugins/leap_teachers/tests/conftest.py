"""What the tests of this plugin share: a toy world, failed trajectories of it, and clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from leap_core import Brief, Ledger, PrivilegedState, Step, Task, TeacherContext, Trajectory
from leap_core.correction import CorrectionOutcome, CorrectionSettings, correct_trajectories
from leap_core.runs.ledger import SpendingLimit
from leap_core.testing.provider import Provider, ProviderReply
from leap_core.testing.toy import ToyEnvironment, ToyOptions, ToySource

MODEL = "hosted_vllm/test-model"


class World:
    """The toy environment with what a teacher needs of it."""

    def __init__(self, boxes: int = 5) -> None:
        self.environment = ToyEnvironment(ToyOptions(boxes=boxes))
        self.source = ToySource(ToySource.Options(), self.environment)

    def tasks(self) -> list[Task]:
        return list(self.environment.tasks("train"))

    def failures(self, count: int, length: int = 4) -> list[Trajectory]:
        """Trajectories that open one wrong box for ever; each has words of its own."""
        tasks = self.tasks()
        return [self._failure(tasks[n % len(tasks)], n, length) for n in range(count)]

    def _failure(self, task: Task, seed: int, length: int) -> Trajectory:
        wrong = int(task.data["coin"]) % self.environment.options.boxes + 1
        episode = self.environment.open(task, seed)
        observation, steps = episode.reset(), []
        for _ in range(length):
            steps.append(
                Step(observation=observation, reason=f"Try {seed}.", action=f"open box {wrong}")
            )
            observation = episode.step(steps[-1].action).observation
        return Trajectory(task=task, steps=tuple(steps), final=observation.text, seed=seed)

    def states(self, trajectory: Trajectory) -> list[PrivilegedState]:
        return list(self.source.states(trajectory))

    def correct(
        self, teacher: Any, trajectories: list[Trajectory], level: int = 3, **settings: Any
    ) -> list[CorrectionOutcome]:
        outcomes: list[CorrectionOutcome] = []

        async def run() -> None:
            try:
                await correct_trajectories(
                    trajectories,
                    source=self.source,
                    teacher=teacher,
                    brief=Brief(level=level, rules=self.environment.guidance),
                    settings=CorrectionSettings(**{"teacher": "t", **settings}),
                    on_outcome=outcomes.append,
                )
            finally:
                await teacher.aclose()

        asyncio.run(run())
        return outcomes


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    """The toy world, of any number of boxes."""
    return World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def context(world: World, tmp_path: Path) -> Callable[..., TeacherContext]:
    """Make a context; all of a test share one cache."""

    def make(budget: SpendingLimit | None = None, path: Path | None = None) -> TeacherContext:
        return TeacherContext(
            environment=world.environment, ledger=Ledger(path, budget), cache_dir=tmp_path / "cache"
        )

    return make


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A server that says "ok" until its `answer` is replaced."""
    with Provider(lambda request: ProviderReply("ok")) as running:
        yield running


@pytest.fixture
def options(provider: Provider) -> dict[str, Any]:
    """Options that reach the server, with short waits."""
    return {
        "model": MODEL,
        "api_base": provider.base_url,
        "timeout": 5.0,
        "longest_wait": 1.0,
        "prices": {"input": 1.0, "output": 2.0},
    }
