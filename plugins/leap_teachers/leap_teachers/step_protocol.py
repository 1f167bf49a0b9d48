"""The per-step protocol: one question a step, answered as a student answers (REASON, ACTION)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leap_core import Brief, PrivilegedState, Proposal, TeacherError, TeacherReply, Trajectory
from leap_teachers.model_io import Asker, Message, ModelRequest
from leap_teachers.prompts import Prompts
from leap_teachers.trajectory_protocol import Decoding

_ACTION = re.compile(r"^[ \t>*]*ACTION[ \t*]*:[ \t*]*", re.MULTILINE | re.IGNORECASE)
_INLINE_ACTION = re.compile(r"\bACTION:[ \t]*")
_REASON = re.compile(r"^[\s>*]*REASON[\s*]*:[\s*]*", re.IGNORECASE)
_ANSWER_TOKENS = 60
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)


def read_step(text: str, step: int) -> Proposal | None:
    """The proposal of a REASON / ACTION answer; None if it names no action. Never raises.

    The action is the rest of the line after the last `ACTION:` that begins a line (else the last
    one anywhere), as it stands.
    """
    text = _THOUGHTS.sub(" ", text)
    marks = list(_ACTION.finditer(text)) or list(_INLINE_ACTION.finditer(text))
    if not marks:
        return None
    lines = text[marks[-1].end() :].splitlines()
    action = lines[0].strip() if lines else ""
    reason = _REASON.sub("", text[: marks[-1].start()]).strip()
    return Proposal(step=step, reason=reason, action=action) if action else None


def steps_asked(trajectory: Trajectory, brief: Brief) -> list[int]:
    """The steps that a brief is about."""
    steps = range(len(trajectory.steps))
    return [t for t in steps if brief.steps is None or t in brief.steps]


def step_messages(
    prompts: Prompts,
    trajectory: Trajectory,
    step: int,
    hidden: str,
    brief: Brief,
) -> tuple[Message, ...]:
    """The question about one step; `hidden` is the privileged state, "" for none."""
    return prompts.conversation(
        "step",
        level=brief.level,
        rules=brief.rules,
        goal=trajectory.task.goal,
        past=trajectory.steps[:step],
        now=trajectory.steps[step],
        hidden=hidden,
    )


@dataclass(frozen=True, slots=True)
class StepByStep:
    """Asks `asker` about each step by itself."""

    asker: Asker
    prompts: Prompts
    decoding: Decoding

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Return a proposal for each step whose answer names an action.

        Raises:
            TeacherError: no answer does.
        """
        asked = steps_asked(trajectory, brief)
        requests = self.requests(trajectory, states, brief)
        answers = await self.asker.ask_all(requests)
        found = [read_step(a.text, step) for a, step in zip(answers, asked, strict=True)]
        problems = [
            f"step {step}: the answer names no action"
            for step, proposal in zip(asked, found, strict=True)
            if proposal is None
        ]
        if asked and len(problems) == len(asked):
            raise TeacherError("no answer could be read: none names an action")
        reply = TeacherReply(
            proposals=tuple(p for p in found if p is not None), problems=tuple(problems)
        )
        for answer in answers:
            reply = TeacherReply(
                proposals=reply.proposals,
                summary="",
                usage=reply.usage + answer.usage,
                problems=reply.problems,
            )
        return reply

    def requests(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> list[ModelRequest]:
        """One request for each step asked about."""
        asked = steps_asked(trajectory, brief)
        return [self._request(trajectory, states, brief, step) for step in asked]

    def likely_answers(self, requests: Sequence[ModelRequest], steps: int) -> list[int]:
        """A guess at the tokens of each answer."""
        return [_ANSWER_TOKENS] * len(requests)

    def _request(
        self,
        trajectory: Trajectory,
        states: Sequence[PrivilegedState],
        brief: Brief,
        step: int,
    ) -> ModelRequest:
        hidden = states[step].text if brief.level > 1 else ""
        drawn = self.decoding
        return ModelRequest(
            "correction",
            step_messages(self.prompts, trajectory, step, hidden, brief),
            drawn.max_tokens,
            drawn.temperature,
            drawn.top_p,
        )
