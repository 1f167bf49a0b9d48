"""What a teacher makes of demonstrations: reasons for their actions, and privileged state.

Line 1 of Algorithm 1 needs reasons where demonstrations have actions only; the paper has a language
model write them ("autolabel"). The same logs, summed up, are one of its privileged states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from leap_core.contracts.teacher import Brief, Teacher
from leap_core.correction.ordered_async import in_order
from leap_core.errors import BudgetExceeded, TeacherError
from leap_core.types import PrivilegedState, Trajectory


@dataclass(frozen=True, slots=True)
class Explained:
    """A demonstration with reasons, or as it was with the `error` that left it so."""

    trajectory: Trajectory
    problems: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """Privileged state of a task from its demonstration, or the `error` that left it without."""

    task_id: str
    state: PrivilegedState | None
    error: str | None = None


async def explain_demonstrations(
    trajectories: Sequence[Trajectory],
    *,
    teacher: Teacher,
    brief: Brief,
    concurrency: int,
    on_explained: Callable[[Explained], None],
) -> None:
    """Have the teacher write the reasons of every demonstration; delivered in input order.

    Raises:
        BudgetExceeded: after delivering what came before; run again to go on.
    """

    async def explain(trajectory: Trajectory) -> Explained:
        try:
            reply = await teacher.explain(trajectory, brief)
        except BudgetExceeded:
            raise
        except TeacherError as error:
            return Explained(trajectory, error=str(error))
        reasons = {p.step: p.reason for p in reply.proposals}
        steps = tuple(
            replace(step, reason=reasons.get(t, step.reason))
            for t, step in enumerate(trajectory.steps)
        )
        return Explained(replace(trajectory, steps=steps), reply.problems)

    await in_order(trajectories, explain, on_explained, concurrency)


async def describe_demonstrations(
    trajectories: Sequence[Trajectory],
    *,
    teacher: Teacher,
    concurrency: int,
    on_described: Callable[[Described], None],
) -> None:
    """Have the teacher sum up every demonstration as privileged state; delivered in input order.

    Raises:
        BudgetExceeded: after delivering what came before; run again to go on.
    """

    async def describe(trajectory: Trajectory) -> Described:
        try:
            return Described(trajectory.task.id, await teacher.describe(trajectory))
        except BudgetExceeded:
            raise
        except TeacherError as error:
            return Described(trajectory.task.id, None, str(error))

    await in_order(trajectories, describe, on_described, concurrency)
