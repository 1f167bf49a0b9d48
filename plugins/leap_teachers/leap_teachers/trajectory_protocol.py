"""The whole-trajectory protocol: one question for all steps, one JSON answer (paper Appendix E)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leap_core import (
    Brief,
    PrivilegedState,
    Proposal,
    TeacherError,
    TeacherReply,
    Trajectory,
    snap,
)
from leap_teachers.model_io import Asker, Message, ModelAnswer, ModelRequest
from leap_teachers.parsing import Parsed, parse_corrections
from leap_teachers.prompts import Prompts
from leap_teachers.transcript import fitting_attempt, hidden, windows

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "step": {"type": "integer"},
                    "changed": {"type": "boolean"},
                    "reason": {"type": "string"},
                    "action": {"type": "string"},
                },
                "required": ["step", "changed", "reason", "action"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "steps"],
    "additionalProperties": False,
}
_CHARACTERS_PER_TOKEN = 3
_ANSWER_TOKENS, _ENTRY_TOKENS = 80, 75
"""What a summary, and an entry of one step, usually take."""
_NOTE = (
    "In an earlier answer these steps had no entry that could be used. Give one for each of them, "
    "with an action that is available there."
)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How answers are drawn, and how long they and the prompts may be."""

    temperature: float
    top_p: float
    max_tokens: int
    steps_per_call: int


@dataclass(frozen=True, slots=True)
class WholeTrajectory:
    """Asks `asker` for corrections of whole trajectories.

    A trajectory that does not fit the model's context is asked about in windows. Steps whose entry
    is missing, unreadable, or names an action that cannot be executed are asked about once more.
    """

    asker: Asker
    prompts: Prompts
    decoding: Decoding

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Return proposals for the steps asked about, with what could not be used in words.

        Raises:
            TeacherError: nothing at all could be used of any answer.
        """
        reply = TeacherReply(proposals=())
        parts = self.windows(trajectory, states, brief)
        for window in parts:
            reply = _joined(reply, await self._window(trajectory, states, brief, window))
        if parts and not reply.proposals:
            raise TeacherError(f"no answer could be read: {'; '.join(reply.problems)[:500]}")
        return reply

    def requests(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> list[ModelRequest]:
        """The requests that `correct` begins with (those asked again come on top)."""
        return [
            self._request(trajectory, states, brief, window)
            for window in self.windows(trajectory, states, brief)
        ]

    def likely_answers(self, requests: Sequence[ModelRequest], steps: int) -> list[int]:
        """A guess at the tokens of each answer, when they are about `steps` steps in all."""
        each = _ANSWER_TOKENS + _ENTRY_TOKENS * steps // max(1, len(requests))
        return [each] * len(requests)

    def windows(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> list[tuple[int, ...]]:
        """The steps asked about, split so that each part fits the model's context."""
        steps = range(len(trajectory.steps))
        asked = [t for t in steps if brief.steps is None or t in brief.steps]
        if not asked:
            return []
        room = self._room(states, brief, asked)
        return list(windows(trajectory, asked, room, self.decoding.steps_per_call))

    async def _window(
        self,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        brief: Brief,
        window: Sequence[int],
    ) -> TeacherReply:
        request = self._request(trajectory, states, brief, window)
        answer = await self.asker.ask(request)
        first = _usable(trajectory, _parse(answer, window))
        reply = TeacherReply(
            proposals=first.proposals,
            summary=first.summary,
            usage=answer.usage,
            problems=first.problems,
        )
        if not first.missing:
            return reply
        request = self._request(trajectory, states, brief, first.missing, _NOTE)
        answer = await self.asker.ask(replace(request, sample=1))
        second = _parse(answer, first.missing)
        return _joined(
            reply,
            TeacherReply(
                proposals=second.proposals, summary="", usage=answer.usage, problems=second.problems
            ),
        )

    def _room(self, states: Sequence[PrivilegedState], brief: Brief, asked: Sequence[int]) -> int:
        """Characters that the attempt may take in a prompt about these steps."""
        tokens = self.asker.context_tokens - self.decoding.max_tokens
        frame = self._messages(states, brief, asked, "", _NOTE)
        return tokens * _CHARACTERS_PER_TOKEN - sum(len(m.content) for m in frame)

    def _request(
        self,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        brief: Brief,
        asked: Sequence[int],
        note: str = "",
    ) -> ModelRequest:
        shown = fitting_attempt(trajectory, asked, self._room(states, brief, asked))
        drawn = self.decoding
        return ModelRequest(
            "correction",
            self._messages(states, brief, asked, shown, note),
            drawn.max_tokens,
            drawn.temperature,
            drawn.top_p,
            SCHEMA,
        )

    def _messages(
        self,
        states: Sequence[PrivilegedState],
        brief: Brief,
        asked: Sequence[int],
        shown: str,
        note: str,
    ) -> tuple[Message, ...]:
        return self.prompts.conversation(
            "correct",
            level=brief.level,
            rules=brief.rules,
            attempt=shown,
            hidden=hidden(states, asked) if brief.level > 1 else [],
            asked=list(asked),
            note=note,
        )


def _parse(answer: ModelAnswer, asked: Sequence[int]) -> Parsed:
    parsed = parse_corrections(answer.text, asked)
    if answer.complete:
        return parsed
    return replace(parsed, problems=("the answer was cut at max_tokens", *parsed.problems))


def _usable(trajectory: Trajectory, parsed: Parsed) -> Parsed:
    """Count a step whose action cannot be executed, even kindly read, as missing."""
    useless = [p for p in parsed.proposals if not _executable(trajectory, p)]
    if not useless:
        return parsed
    problems = tuple(f"step {p.step}: the action cannot be executed" for p in useless)
    return Parsed(
        tuple(p for p in parsed.proposals if p not in useless),
        parsed.summary,
        parsed.problems + problems,
        tuple(sorted({*parsed.missing, *(p.step for p in useless)})),
    )


def _executable(trajectory: Trajectory, proposal: Proposal) -> bool:
    if proposal.changed is False:
        return True
    observation = trajectory.steps[proposal.step].observation
    return snap(observation, proposal.action) is not None


def _joined(one: TeacherReply, other: TeacherReply) -> TeacherReply:
    proposals = sorted((*one.proposals, *other.proposals), key=lambda p: p.step)
    return TeacherReply(
        proposals=tuple(proposals),
        summary="\n".join(text for text in (one.summary, other.summary) if text),
        usage=one.usage + other.usage,
        problems=one.problems + other.problems,
    )
