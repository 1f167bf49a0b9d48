"""Checks of teachers, on failures of an environment with their privileged states."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from leap_core.contracts.teacher import Brief, Teacher, TeacherReply
from leap_core.correction.ordered_async import run_async
from leap_core.errors import TeacherError
from leap_core.runs.ledger import Ledger
from leap_core.testing.conformance.check import Nonconformity, check, expect, shown
from leap_core.testing.conformance.environments import check_options
from leap_core.testing.conformance.subjects import TeacherSubject
from leap_core.types import PrivilegedState, Proposal, Trajectory, Usage

T = TypeVar("T")
Case = tuple[Trajectory, Sequence[PrivilegedState]]


def _with(subject: TeacherSubject, ask: Callable[[Teacher], Awaitable[T]]) -> T:
    """Ask a new teacher in an event loop of its own, and close it."""

    async def asked() -> T:
        teacher = subject.build()
        try:
            return await ask(teacher)
        finally:
            await teacher.aclose()

    return run_async(asked())


def _brief(subject: TeacherSubject, **more: Any) -> Brief:
    return Brief(rules=subject.source.of.environment.guidance, **more)


@check("teacher", "teacher-options")
def options(subject: TeacherSubject) -> None:
    """Options are a pydantic model; unknown keys are refused."""
    check_options(subject)
    teacher = subject.build()
    expect(isinstance(teacher, Teacher), "a leap_core.Teacher", teacher)


@check("teacher", "proposals")
def proposals(subject: TeacherSubject) -> None:
    """A reply has at most one proposal a step, of steps that there are, at every level."""
    trajectory, states = subject.cases[0]
    for level in range(1, 6):
        brief = _brief(subject, level=level)
        reply = _with(subject, lambda t, b=brief: t.correct(trajectory, states, b))  # type: ignore[misc]
        _check_reply(reply, trajectory, None)


def _check_reply(reply: Any, trajectory: Trajectory, asked: Sequence[int] | None) -> None:
    expect(isinstance(reply, TeacherReply), "a leap_core.TeacherReply", reply)
    steps = [p.step for p in reply.proposals]
    expect(len(steps) == len(set(steps)), "one proposal a step", steps)
    allowed = range(len(trajectory.steps)) if asked is None else asked
    strange = [step for step in steps if step not in allowed]
    expect(not strange, f"proposals for steps of {shown(list(allowed))} only", strange)
    for proposal in reply.proposals:
        fits = isinstance(proposal, Proposal) and isinstance(proposal.changed, bool | None)
        expect(fits, "leap_core.Proposal with `changed` True, False or None", proposal)
        texts = isinstance(proposal.reason, str) and isinstance(proposal.action, str)
        expect(texts, "reasons and actions that are strings", proposal)
    _check_usage(reply.usage)
    finite = all(math.isfinite(value) for value in reply.measures.values())
    expect(finite, "measures that are finite numbers", dict(reply.measures))


def _check_usage(usage: Usage) -> None:
    counts = (usage.calls, usage.cached_calls, usage.prompt_tokens, usage.completion_tokens)
    expect(all(n >= 0 for n in counts), "counts of calls and tokens of 0 or more", usage)
    known = usage.cost is None or (math.isfinite(usage.cost) and usage.cost >= 0)
    expect(known, "a cost of 0 or more, or None where the price is unknown", usage.cost)


@check("teacher", "steps-asked-about")
def steps_asked_about(subject: TeacherSubject) -> None:
    """A brief that names steps is answered for these alone."""
    trajectory, states = subject.cases[0]
    asked = tuple(range(0, len(trajectory.steps), 2))
    brief = _brief(subject, steps=asked)
    reply = _with(subject, lambda teacher: teacher.correct(trajectory, states, brief))
    _check_reply(reply, trajectory, asked)


@check("teacher", "many-at-once")
def many_at_once(subject: TeacherSubject) -> None:
    """Trajectories corrected at the same time get what each gets alone."""
    cases, brief = subject.cases, _brief(subject)

    async def at_once(teacher: Teacher) -> list[TeacherReply]:
        return list(await asyncio.gather(*(teacher.correct(t, s, brief) for t, s in cases)))

    async def one_by_one(teacher: Teacher) -> list[TeacherReply]:
        return [await teacher.correct(t, s, brief) for t, s in cases]

    together, alone = _with(subject, at_once), _with(subject, one_by_one)
    for (trajectory, _), one, other in zip(cases, together, alone, strict=True):
        expect(
            one.proposals == other.proposals,
            f"'{trajectory.task.id}' to be corrected beside others as alone: "
            f"{shown(other.proposals)}",
            one.proposals,
        )


@check("teacher", "estimate")
def estimate(subject: TeacherSubject) -> None:
    """An estimate is a `Usage`; nothing is asked or recorded for it."""
    ledger = Ledger()
    teacher = subject.build(ledger)
    for trajectory, states in subject.cases:
        usage = teacher.estimate(trajectory, states, _brief(subject))
        expect(isinstance(usage, Usage), "a leap_core.Usage", usage)
        _check_usage(usage)
    expect(ledger.totals.usage.calls == 0, "no call made for an estimate", ledger.totals)


@check("teacher", "what-it-cannot-do")
def what_it_cannot_do(subject: TeacherSubject) -> None:
    """Explaining and describing a demonstration work, or raise `TeacherError`."""
    shown_ = subject.source.of.demonstrations
    trajectory = shown_[0] if shown_ else subject.cases[0][0]
    asks: dict[str, Callable[[Teacher], Awaitable[object]]] = {
        "explain": lambda teacher: teacher.explain(trajectory, _brief(subject)),
        "describe": lambda teacher: teacher.describe(trajectory),
    }
    kinds = {"explain": TeacherReply, "describe": PrivilegedState}
    for name, ask in asks.items():
        expected = f"`{name}` to answer with a {kinds[name].__name__}, or to raise TeacherError"
        try:
            answer = _with(subject, ask)
        except TeacherError:
            continue
        except Exception as error:
            raise Nonconformity(expected, f"{type(error).__name__}: {error}") from error
        expect(isinstance(answer, kinds[name]), expected, answer)


@check("teacher", "closes")
def closes(subject: TeacherSubject) -> None:
    """A teacher can be closed twice, used or not."""

    async def twice(teacher: Teacher) -> None:
        await teacher.aclose()
        await teacher.aclose()

    _with(subject, twice)
