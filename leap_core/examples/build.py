"""Cut trajectories into examples: one per demonstrated step, one per corrected step.

Steps that the teacher left alone give no example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from leap_core.contracts.privileged import PrivilegedSource
from leap_core.contracts.updater import RolloutStep
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply
from leap_core.types import Correction, Example, Trajectory


def examples_from_demonstrations(
    trajectories: Iterable[Trajectory], writer: PromptRenderer, environment: str, iteration: int = 0
) -> Iterator[Example]:
    """Every step of every demonstration."""
    for trajectory in trajectories:
        for t, step in enumerate(trajectory.steps):
            yield Example(
                prompt=writer.prompt(trajectory.task, trajectory.steps[:t], step.observation),
                reply=write_reply(step.reason, step.action),
                rejected=None,
                source="demonstration",
                iteration=iteration,
                task_id=trajectory.task.id,
                seed=trajectory.seed,
                step=t,
                environment=environment,
            )


def examples_from_corrections(
    trajectories: Iterable[Trajectory],
    corrections: Sequence[Correction],
    writer: PromptRenderer,
    environment: str,
    iteration: int,
    repeats: int | None = None,
    confirmed: Mapping[tuple[str, int], Sequence[int]] = MappingProxyType({}),
) -> Iterator[Example]:
    """Every corrected step: the student's own history, the teacher's reply (paper, Algorithm 1).

    With `repeats`, a reply that a trajectory has had that many times already is left out.
    `confirmed` names, by (task, seed), further steps whose own reply is to be learned.
    """
    by_trajectory: dict[tuple[str, int], dict[int, Correction]] = {}
    for correction in corrections:
        by_trajectory.setdefault((correction.task_id, correction.seed), {})[correction.step] = (
            correction
        )
    for trajectory in trajectories:
        key = (trajectory.task.id, trajectory.seed)
        corrected = by_trajectory.get(key, {})
        said: Counter[str] = Counter()
        for t in sorted({*corrected, *confirmed.get(key, ())}):
            step = trajectory.steps[t]
            own = write_reply(step.reason, step.action)
            better = corrected.get(t)
            reply = write_reply(better.reason, better.action) if better else own
            said[reply] += 1
            if repeats is not None and said[reply] > repeats:
                continue
            yield Example(
                prompt=writer.prompt(trajectory.task, trajectory.steps[:t], step.observation),
                reply=reply,
                rejected=own if better else None,
                source="correction",
                iteration=iteration,
                task_id=trajectory.task.id,
                seed=trajectory.seed,
                step=t,
                environment=environment,
            )


def seen_steps(
    trajectories: Iterable[Trajectory],
    source: PrivilegedSource,
    writer: PromptRenderer,
    environment: str,
    iteration: int,
) -> Iterator[RolloutStep]:
    """Every well-formed step of the student, as it acted, and the state that was hidden from it."""
    for trajectory in trajectories:
        states = source.states(trajectory)
        for t, (step, state) in enumerate(zip(trajectory.steps, states, strict=True)):
            if not step.action:
                continue
            example = Example(
                prompt=writer.prompt(trajectory.task, trajectory.steps[:t], step.observation),
                reply=write_reply(step.reason, step.action),
                rejected=None,
                source="correction",
                iteration=iteration,
                task_id=trajectory.task.id,
                seed=trajectory.seed,
                step=t,
                environment=environment,
            )
            yield RolloutStep(example=example, state=state.text)
