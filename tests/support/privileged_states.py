"""Corrections of toy trajectories, with the states found by workers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from leap_core import (
    Brief,
    PrivilegedState,
    Teacher,
    TeacherReply,
    Trajectory,
)
from leap_core.config.schema import ExecutorConfig, RolloutConfig
from leap_core.correction import CorrectionOutcome, CorrectionSettings, correct_trajectories
from leap_core.rollout import privileged_state_workers
from leap_core.testing.toy import ToyEnvironment, ToyOptions, ToySource
from tests.support.rollouts import toy


def source(kind: type[ToySource] = ToySource) -> ToySource:
    return kind(kind.Options(), ToyEnvironment(ToyOptions()))


def corrected(
    played: list[Trajectory], asked: ToySource, executor: ExecutorConfig, retries: int = 0
) -> list[CorrectionOutcome]:
    outcomes: list[CorrectionOutcome] = []

    async def main() -> None:
        rollouts = RolloutConfig(executor=executor, retries=retries)
        with privileged_state_workers(rollouts, asked, at_once=4) as replay:
            await correct_trajectories(
                played,
                source=asked,
                teacher=Expert(),
                brief=Brief(),
                settings=CorrectionSettings(concurrency=4),
                on_outcome=outcomes.append,
                states=replay.states if replay else None,
            )

    asyncio.run(main())
    return outcomes


class Expert(Teacher):
    """The toy's own."""

    def __init__(self) -> None:
        """It has no options."""

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        expert = toy().expert()
        return TeacherReply(proposals=tuple(expert.correct(trajectory, states, brief.level)))
