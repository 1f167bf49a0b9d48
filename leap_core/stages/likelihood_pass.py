"""Leak audit by the student's likelihood: does a reason depend on the hidden state?

A reason that rests on what the student saw is as likely whatever hidden state stands before its
eyes; one that tells the state is far less likely when the state is swapped for another task's. The
measure is the fall in mean log-likelihood, in nats a token of the reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from leap_core.contracts.privileged import PrivilegedSource
from leap_core.correction.second_pass import Opinion
from leap_core.errors import ConfigError, LeapError
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply
from leap_core.stages.engines import engine_of
from leap_core.types import Correction, Example, PolicyRef, PrivilegedState, Trajectory

SUSPECT_FROM = 0.5
"""Nats a token: from this fall on a reason is suspect."""
SUSPECT = 0.6
"""Leak score of a suspect reason."""


@dataclass(frozen=True)
class LikelihoodPass:
    """Scores corrections under `student` with their own state and with that of another task.

    Attributes:
        swaps: states of two tasks by the tasks' ids: a correction is scored with the first that is
            not its own task's.
        threshold: nats a token from which a fall is suspect.

    Raises:
        ConfigError: the student is no model in this process.
    """

    student: PolicyRef
    renderer: PromptRenderer
    swaps: Mapping[str, PrivilegedState]
    threshold: float = SUSPECT_FROM

    def __post_init__(self) -> None:
        if self.student.kind not in ("transformers", "plugin"):
            raise ConfigError(
                f"teacher.audit: likelihood needs a student in this process; this one is of kind "
                f"'{self.student.kind}'; use 'audit: {{judge: MODEL}}' or 'audit: rules'"
            )

    async def opinions(
        self,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        corrections: Sequence[Correction],
    ) -> Sequence[Opinion]:
        """Measure the fall of each correction's likelihood."""
        other = next((s for t, s in self.swaps.items() if t != trajectory.task.id), None)
        if other is None:
            return [Opinion(None, "there is no other task's state to swap in") for _ in corrections]
        own = [self._example(trajectory, c, states[c.step]) for c in corrections]
        swapped = [self._example(trajectory, c, other) for c in corrections]
        score = engine_of(self.student).log_likelihoods
        values = await asyncio.to_thread(score, self.student, [*own, *swapped])
        count = len(corrections)
        return [self._opinion(values[i] - values[count + i]) for i in range(count)]

    def _opinion(self, fall: float) -> Opinion:
        why = f"its likelihood falls by {fall:.2f} nats a token with another task's hidden state"
        return Opinion(SUSPECT, why) if fall >= self.threshold else Opinion(None, "")

    def _example(
        self, trajectory: Trajectory, correction: Correction, state: PrivilegedState
    ) -> Example:
        steps = trajectory.steps
        now = steps[correction.step].observation
        prompt = self.renderer.prompt(trajectory.task, steps[: correction.step], now)
        return Example(
            prompt=replace(prompt, branch=f"\n{state.text}\n{prompt.branch}"),
            reply=write_reply(correction.reason, correction.action),
            rejected=None,
            source="correction",
            iteration=0,
            task_id=correction.task_id,
            seed=correction.seed,
            step=correction.step,
        )


def states_to_swap(
    source: PrivilegedSource, trajectories: Sequence[Trajectory]
) -> dict[str, PrivilegedState]:
    """Return the first state of the first two tasks that have one."""
    found: dict[str, PrivilegedState] = {}
    for trajectory in trajectories:
        if len(found) == 2:
            break
        if trajectory.task.id in found or not trajectory.steps:
            continue
        try:
            found[trajectory.task.id] = source.states(trajectory)[0]
        except LeapError:
            continue
    return found
