"""Toy rollouts for the tests of executors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leap_core.config.schema import ExecutorConfig
from leap_core.contracts.engine import Engine
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.scripted import scripted_engine
from leap_core.rollout import Assignment, Scheduler, assignments, build_executor
from leap_core.testing.toy import ToyEnvironment, ToyOptions
from leap_core.types import Trajectory

PROCESSES = ExecutorConfig(name="processes", workers=2)


def toy(**options: Any) -> ToyEnvironment:
    return ToyEnvironment(ToyOptions(**options))


def play(
    environment: ToyEnvironment,
    executor: ExecutorConfig = PROCESSES,
    *,
    tasks: int = 12,
    seeds: Sequence[int] = (0,),
    in_flight: int = 6,
    retries: int = 2,
    engine: Engine | None = None,
    after: Any = None,
) -> list[Trajectory]:
    """Play toy tasks and return what was kept, in the order of the plan.

    `after(count, scheduler)` is called with the number kept so far.
    """
    plan = assignments(environment.tasks("train")[:tasks], seeds)
    kept: dict[int, Trajectory] = {}
    scheduler = Scheduler(
        build_executor(executor, environment, in_flight),
        engine or scripted_engine(environment, "search"),
        PromptRenderer(environment.layout(), environment.horizon),
        in_flight=in_flight,
        retries=retries,
    )

    def keep(assignment: Assignment, trajectory: Trajectory) -> None:
        assert assignment.index not in kept, "recorded twice"
        kept[assignment.index] = trajectory
        if after is not None:
            after(len(kept), scheduler)

    scheduler.play(plan, keep)
    assert sorted(kept) == list(range(len(plan))), "a task is missing"
    assert [(kept[a.index].task, kept[a.index].seed) for a in plan] == [
        (a.task, a.seed) for a in plan
    ]
    return [kept[index] for index in range(len(plan))]
