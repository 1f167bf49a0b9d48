"""Checks of privileged sources, and of the scripted expert that reads them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from operator import eq

from pydantic import TypeAdapter

from leap_core.contracts.environment import ScriptedExpert
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.correction.history import history_of
from leap_core.correction.leaks import leak_score
from leap_core.correction.text import normalise
from leap_core.examples import examples_from_demonstrations
from leap_core.testing.conformance.check import Nonconformity, NotApplicable, check, expect, shown
from leap_core.testing.conformance.environments import check_options
from leap_core.testing.conformance.prompts_and_demonstrations import CANARY
from leap_core.testing.conformance.subjects import SourceSubject
from leap_core.types import Fact, PrivilegedState, Proposal, Trajectory

_LEAKS_FROM = 0.5


@check("privileged source", "source-options")
def options(subject: SourceSubject) -> None:
    """Options are a pydantic model; unknown keys are refused; it serves the environment."""
    check_options(subject)
    source = subject.source
    expect(isinstance(source, PrivilegedSource), "a leap_core.PrivilegedSource", source)
    serves = tuple(source.environments)
    known = not serves or subject.of.name in serves
    expect(known, f"`environments` to hold '{subject.of.name}'", serves)


@check("privileged source", "a-state-per-step")
def a_state_per_step(subject: SourceSubject) -> None:
    """There is one state before each step, of demonstrations, failures and empty trajectories."""
    for trajectory, states in zip(subject.trajectories, subject.states, strict=True):
        steps = len(trajectory.steps)
        expect(
            len(states) == steps,
            f"{steps} states for the {steps} steps of '{trajectory.task.id}'",
            f"{len(states)} states",
        )
        for state in states:
            expect(isinstance(state, PrivilegedState), "leap_core.PrivilegedState", state)
            expect(state.text.strip(), "a text for the teacher in every state", state)
    empty = replace(subject.trajectories[0], steps=())
    found = subject.source.states(empty)
    expect(len(found) == 0, "no state for a trajectory without steps", found)


@check("privileged source", "same-states")
def same_states(subject: SourceSubject) -> None:
    """The same trajectory has the same states every time, whatever was asked in between."""
    for trajectory, states in reversed(
        list(zip(subject.trajectories, subject.states, strict=True))
    ):
        again = subject.source.states(trajectory)
        for t, (first, second) in enumerate(zip(states, again, strict=True)):
            expect(
                first == second,
                f"the state before step {t} of '{trajectory.task.id}' to be {shown(first)}, as "
                "it was before",
                second,
            )


@check("privileged source", "in-workers")
def in_workers(subject: SourceSubject) -> None:
    """The source can be pickled with its environment, and a copy gives the same states."""
    try:
        copy = pickle.loads(pickle.dumps(subject.source))  # noqa: S301 - pickled a moment ago
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise Nonconformity("a source that can be pickled (see __reduce__)", why) from error
    for trajectory, states in zip(subject.trajectories, subject.states, strict=True):
        found = copy.states(trajectory)
        same = len(found) == len(states) and all(map(eq, found, states))
        expect(same, f"the same states of '{trajectory.task.id}' from a copy", found)


@check("privileged source", "states-serialise")
def states_serialise(subject: SourceSubject) -> None:
    """States can be written as JSON and read again; secrets are strings or facts, not blank."""
    adapter = TypeAdapter(PrivilegedState)
    for state in _all_states(subject):
        try:
            written = adapter.dump_json(state)
            json.dumps(dict(state.facts))
        except Exception as error:
            raise Nonconformity("`facts` that can be written as JSON", str(error)) from error
        again = adapter.validate_json(written)
        same = (again.text, again.secrets) == (state.text, tuple(state.secrets))
        expect(same, "the same state when read again", again)
        blank = [s for s in state.secrets if not _says_something(s)]
        expect(not blank, "secrets that are strings or leap_core.Fact, and not blank", blank)


@check("privileged source", "says-what-is-hidden")
def says_what_is_hidden(subject: SourceSubject) -> None:
    """States have secrets, and the student's history does not hold them all from the start."""
    firsts = [(t, s[0]) for t, s in zip(subject.trajectories, subject.states, strict=True) if s]
    expect(
        any(state.secrets for _, state in firsts),
        "secrets in some first state: without them the leak audit finds nothing",
        "none in any",
    )
    hidden = [secret for t, state in firsts for secret in state.secrets if not _known(t, 0, secret)]
    expect(
        hidden,
        "secrets that the first observation does not hold",
        f"all are in sight from the start, such as {shown(firsts[0][1].secrets)}",
    )


@check("privileged source", "hidden-from-the-student")
def hidden_from_the_student(subject: SourceSubject) -> None:
    """No privileged text is in what the student reads or learns from."""
    writer, name = subject.of.writer, subject.of.name
    for trajectory, states in zip(subject.trajectories, subject.states, strict=True):
        rows = list(examples_from_demonstrations([trajectory], writer, name))
        for row, state in zip(rows, states, strict=False):
            expect(
                normalise(state.text) not in normalise(row.prompt.text),
                f"prompts of '{trajectory.task.id}' without the privileged text",
                f"step {row.step} shows it: {shown(state.text)}",
            )


@check("privileged source", "expert")
def expert(subject: SourceSubject) -> None:
    """The scripted expert proposes executable actions, once a step, at every privilege level."""
    asked = _expert(subject)
    failures = _failures(subject)
    proposed = 0
    for trajectory, states in failures:
        for level in range(1, 6):
            proposals = list(asked.correct(trajectory, states, level))
            proposed += len(proposals)
            _check_proposals(trajectory, proposals, level)
    expect(proposed, "proposals for failed trajectories", "none at any level")


def _check_proposals(trajectory: Trajectory, proposals: Sequence[Proposal], level: int) -> None:
    where = f"level {level} of '{trajectory.task.id}'"
    steps = [p.step for p in proposals]
    expect(len(steps) == len(set(steps)), f"one proposal a step at {where}", steps)
    for proposal in proposals:
        expect(
            0 <= proposal.step < len(trajectory.steps),
            f"steps below {len(trajectory.steps)} at {where}",
            proposal.step,
        )
        seen = trajectory.steps[proposal.step].observation
        expect(
            seen.accepts(proposal.action),
            f"an action that can be taken at step {proposal.step}, {where}",
            f"{proposal.action!r}; listed: {shown((*seen.candidates, *seen.templates))}",
        )
        expect(proposal.reason.strip(), f"a reason for step {proposal.step} at {where}", proposal)


@check("privileged source", "expert-keeps-secrets")
def expert_keeps_secrets(subject: SourceSubject) -> None:
    """At levels 1 to 3 the expert's reasons tell no secret, a planted canary least of all."""
    asked = _expert(subject)
    for trajectory, states in _failures(subject):
        planted = [
            replace(
                state,
                text=f"{state.text}\n{CANARY}",
                secrets=(*state.secrets, CANARY),
                facts={**state.facts, CANARY: CANARY},
            )
            for state in states
        ]
        for level in (1, 2, 3):
            for proposal in asked.correct(trajectory, planted, level):
                said = f"{proposal.reason}\n{proposal.action}"
                where = f"step {proposal.step} of '{trajectory.task.id}', level {level}"
                expect(CANARY not in said, f"no planted canary at {where}", shown(said))
                history = history_of(trajectory, proposal.step)
                score = leak_score(proposal.reason, states[proposal.step].secrets, history)
                expect(
                    score < _LEAKS_FROM,
                    f"a reason that tells no secret at {where}",
                    f"leak score {score:.2f}: {shown(proposal.reason)}",
                )


def _all_states(subject: SourceSubject) -> list[PrivilegedState]:
    return [state for states in subject.states for state in states]


def _says_something(secret: str | Fact) -> bool:
    values = secret.value if isinstance(secret, Fact) else (secret,)
    return bool(values) and all(isinstance(v, str) and v.strip() for v in values)


def _known(trajectory: Trajectory, step: int, secret: str | Fact) -> bool:
    """Whether the history holds a secret. That of a relation is at most its two sides."""
    history = history_of(trajectory, step)
    if isinstance(secret, str):
        return history.holds([normalise(secret)])
    values = [normalise(value) for value in secret.value]
    if secret.subject:
        return history.together([normalise(s) for s in secret.subject], values)
    return history.holds(values)


def _expert(subject: SourceSubject) -> ScriptedExpert:
    found = subject.of.environment.expert()
    if found is None:
        raise NotApplicable(f"environment '{subject.of.name}' has no scripted expert")
    if not subject.source.environments:
        raise NotApplicable("it serves any environment: an expert reads the facts of its own")
    return found


def _failures(
    subject: SourceSubject,
) -> list[tuple[Trajectory, Sequence[PrivilegedState]]]:
    pairs = zip(subject.trajectories, subject.states, strict=True)
    return [(t, states) for t, states in pairs if not t.succeeded]
