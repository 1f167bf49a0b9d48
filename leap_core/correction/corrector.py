"""Line 2 of Algorithm 1's inner loop: failed trajectories in, validated corrections out.

For every trajectory: the privileged state of each step, the teacher's proposals, validation, and
the leak audit. Many are under way at once; outcomes are delivered in the order of the input, so
that records do not depend on which answer came first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal

from leap_core.contracts.privileged import PrivilegedSource
from leap_core.contracts.teacher import Brief, Teacher, TeacherReply
from leap_core.correction.history import history_of
from leap_core.correction.leaks import leak_score
from leap_core.correction.ordered_async import in_order
from leap_core.correction.second_pass import SecondPass
from leap_core.correction.validate import Validated, reject, validate
from leap_core.errors import BudgetExceeded, ConfigError, TeacherError
from leap_core.types import Correction, PrivilegedState, Rejection, Trajectory, Usage

States = Callable[[Trajectory], Awaitable[Sequence[PrivilegedState]]]
"""Finds the privileged state before each step of a trajectory."""

LeakPolicy = Literal["keep", "drop", "reask"]


@dataclass(frozen=True, slots=True)
class CorrectionSettings:
    """How corrections are asked for and sifted.

    Attributes:
        concurrency: trajectories under way at once.
        leak_policy: what becomes of a correction whose leak score reaches `leak_threshold`:
            "keep" it, "drop" it, or "reask" the teacher once for that step and drop it if the
            new one leaks as well. Teachers of level 4 and 5 are allowed to reveal: use "keep".
        leak_threshold: between 0 (exclusive) and 1.
        teacher: name of the teacher, written in each correction.
    """

    concurrency: int = 8
    leak_policy: LeakPolicy = "drop"
    leak_threshold: float = 0.5
    teacher: str = ""


@dataclass(frozen=True, slots=True)
class CorrectionOutcome:
    """What came of one trajectory. `error` says why there was no answer at all.

    `unchanged` counts steps that the teacher left as they were; `confirmed` are those of them that
    it repeated word for word; `reasked` counts steps asked about again because the first answer
    leaked; `measures` are the teacher's own figures.
    """

    task_id: str
    seed: int
    corrections: tuple[Correction, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    summary: str = ""
    usage: Usage = field(default_factory=Usage)
    problems: tuple[str, ...] = ()
    error: str | None = None
    unchanged: int = 0
    confirmed: tuple[int, ...] = ()
    reasked: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)


async def correct_trajectories(
    trajectories: Sequence[Trajectory],
    *,
    source: PrivilegedSource,
    teacher: Teacher,
    brief: Brief,
    settings: CorrectionSettings,
    on_outcome: Callable[[CorrectionOutcome], None],
    states: States | None = None,
    second: SecondPass | None = None,
) -> None:
    """Correct every trajectory and hand each outcome to `on_outcome`, in input order.

    `states` finds the privileged states of many trajectories at once (workers that replay them,
    say); without it, `source` does so in one thread. `second` gives opinions on what the rules of
    the leak audit do not find outright.

    A trajectory whose privileged state cannot be had, or whose teacher gives up, has an outcome
    with `error`. When the budget is reached, or the call is cancelled, no further trajectory is
    started, answers under way are waited for (they are paid), and outcomes are delivered up to
    the first trajectory without one.

    Raises:
        BudgetExceeded: after that delivery; run again with a larger budget to go on.
        LeapError: what no other trajectory would survive either, such as a `ConfigError`.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="privileged") as thread:

        async def in_thread(trajectory: Trajectory) -> Sequence[PrivilegedState]:
            # One thread: a source need not be thread-safe, and a slow replay must not hold up
            # the answers of others.
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(thread, source.states, trajectory)

        corrector = _Corrector(states or in_thread, teacher, brief, settings, second)
        await in_order(trajectories, corrector.correct, on_outcome, settings.concurrency)


@dataclass(frozen=True, slots=True)
class _Corrector:
    """Corrects one trajectory."""

    states: States
    teacher: Teacher
    brief: Brief
    settings: CorrectionSettings
    second: SecondPass | None = None

    async def correct(self, trajectory: Trajectory) -> CorrectionOutcome:
        blank = CorrectionOutcome(trajectory.task.id, trajectory.seed)
        try:
            states = await self.states(trajectory)
            _check(states, trajectory)
        except ConfigError:
            raise
        except Exception as error:  # the source is a plugin: one bad replay is data, not a crash
            return replace(blank, error=f"no privileged state: {_words(error)}")
        try:
            reply = await self.teacher.correct(trajectory, states, self.brief)
        except BudgetExceeded:
            raise
        except TeacherError as error:
            return replace(blank, error=f"the teacher gave no answer: {_words(error)}")
        return await self._sift(blank, trajectory, states, reply)

    async def _sift(
        self,
        blank: CorrectionOutcome,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        reply: TeacherReply,
    ) -> CorrectionOutcome:
        first = self._validate(trajectory, reply, self.brief)
        outcome = replace(
            blank,
            rejections=first.rejections,
            summary=reply.summary,
            usage=reply.usage,
            problems=reply.problems,
            unchanged=first.unchanged,
            confirmed=first.confirmed,
            measures=reply.measures,
        )
        outcome, clean, leaky = await self._audit(outcome, trajectory, states, first)
        if leaky and self.settings.leak_policy == "reask":
            outcome, again = await self._reask(outcome, trajectory, states, leaky)
            outcome, fresh, leaky_again = await self._audit(outcome, trajectory, states, again)
            clean = sorted([*clean, *fresh], key=lambda c: c.step)
            outcome = replace(outcome, rejections=outcome.rejections + again.rejections)
            leaky = [*leaky, *leaky_again]
        leaks = tuple(reject(trajectory, c, f"it leaks (score {c.leak:.2f})") for c in leaky)
        return replace(outcome, corrections=tuple(clean), rejections=outcome.rejections + leaks)

    async def _reask(
        self,
        outcome: CorrectionOutcome,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        leaky: Sequence[Correction],
    ) -> tuple[CorrectionOutcome, Validated]:
        steps = tuple(c.step for c in leaky)
        brief = replace(self.brief, steps=steps, rules=f"{self.brief.rules}\n{_AGAIN}".strip())
        outcome = replace(outcome, reasked=len(steps))
        try:
            reply = await self.teacher.correct(trajectory, states, brief)
        except BudgetExceeded:
            raise
        except TeacherError as error:
            problem = f"asked again for leaking steps, no answer: {_words(error)}"
            return replace(outcome, problems=(*outcome.problems, problem)), Validated((), (), 0)
        outcome = replace(
            outcome,
            usage=outcome.usage + reply.usage,
            problems=outcome.problems + reply.problems,
        )
        return outcome, self._validate(trajectory, reply, brief)

    def _validate(self, trajectory: Trajectory, reply: TeacherReply, brief: Brief) -> Validated:
        return validate(
            trajectory,
            reply.proposals,
            teacher=self.settings.teacher,
            level=brief.level,
            steps=brief.steps,
        )

    async def _audit(
        self,
        outcome: CorrectionOutcome,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        validated: Validated,
    ) -> tuple[CorrectionOutcome, list[Correction], list[Correction]]:
        """Score each correction, and part those that may stay from those that leak."""
        scored = [_scored(c, trajectory, states) for c in validated.corrections]
        if self.second is not None:
            outcome, scored = await self._reconsider(outcome, trajectory, states, scored)
        keeps = self.settings.leak_policy == "keep"
        leaky = [c for c in scored if c.leak >= self.settings.leak_threshold and not keeps]
        return outcome, [c for c in scored if c not in leaky], leaky

    async def _reconsider(
        self,
        outcome: CorrectionOutcome,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        scored: Sequence[Correction],
    ) -> tuple[CorrectionOutcome, list[Correction]]:
        """Have the second pass score what the rules did not find outright."""
        assert self.second is not None
        open_ones = [c for c in scored if c.leak < 1]
        opinions = await self.second.opinions(trajectory, states, open_ones)
        scores = {
            c.step: o.score for c, o in zip(open_ones, opinions, strict=True) if o.score is not None
        }
        silent = [
            f"step {c.step}, leak audit: {o.why}"
            for c, o in zip(open_ones, opinions, strict=True)
            if o.score is None and o.why
        ]
        counts = {"audited": float(len(opinions)), "audit_without_verdict": float(len(silent))}
        for name, count in counts.items():
            counts[name] = outcome.measures.get(name, 0.0) + count
        outcome = replace(
            outcome,
            usage=sum((o.usage for o in opinions), outcome.usage),
            problems=(*outcome.problems, *silent),
            measures={**outcome.measures, **counts},
        )
        return outcome, [replace(c, leak=scores.get(c.step, c.leak)) for c in scored]


def _scored(
    correction: Correction, trajectory: Trajectory, states: Sequence[PrivilegedState]
) -> Correction:
    """The correction with the score that the rules give it."""
    text = f"{correction.reason}\n{correction.action}"
    history = history_of(trajectory, correction.step)
    return replace(correction, leak=leak_score(text, states[correction.step].secrets, history))


_AGAIN = (
    "An earlier answer for these steps told the student things that it cannot know yet. Give "
    "reasons that rest on its own observations and on general knowledge only."
)


def _check(states: Sequence[PrivilegedState], trajectory: Trajectory) -> None:
    if len(states) != len(trajectory.steps):
        raise TeacherError(
            f"the privileged source gave {len(states)} states for {len(trajectory.steps)} steps"
        )


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
