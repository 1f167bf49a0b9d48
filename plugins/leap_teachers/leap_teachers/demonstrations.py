"""What a model makes of demonstrations: reasons for their actions, and privileged state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap_core import (
    Brief,
    PrivilegedState,
    Proposal,
    TeacherError,
    TeacherReply,
    Trajectory,
    Usage,
)
from leap_teachers.model_io import Asker, ModelRequest
from leap_teachers.parsing import find_objects, parse_reasons
from leap_teachers.prompts import Prompts
from leap_teachers.trajectory_protocol import Decoding
from leap_teachers.transcript import record

_NUMBERED = re.compile(r"\b[a-z]{2,} \d+\b")

REASONS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"step": {"type": "integer"}, "reason": {"type": "string"}},
                "required": ["step", "reason"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["steps"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Explainer:
    """Writes reasons for demonstrated actions ("autolabel").

    One question is about the whole demonstration. A step whose reason is missing, or names
    something that is first seen later, is asked about again by itself, with the record cut off at
    that step: such an answer cannot know the future.
    """

    asker: Asker
    prompts: Prompts
    decoding: Decoding

    async def explain(self, trajectory: Trajectory, brief: Brief) -> TeacherReply:
        """Return the same actions with reasons.

        Raises:
            TeacherError: a step has no reason even when asked about by itself.
        """
        steps = range(len(trajectory.steps))
        answer = await self.asker.ask(self._request(trajectory, steps, brief))
        reasons = parse_reasons(answer.text, steps)
        usage, problems = answer.usage, []
        again = [t for t in steps if t not in reasons or names_later(trajectory, t, reasons[t])]
        for t in again:
            why = "its reason names what is seen later" if t in reasons else "no reason"
            problems.append(f"step {t}: {why}, asked again")
            reason, used = await self._one(trajectory, t, brief)
            reasons[t], usage = reason, usage + used
        proposals = tuple(
            Proposal(step=t, reason=reasons[t], action=trajectory.steps[t].action) for t in steps
        )
        return TeacherReply(proposals=proposals, usage=usage, problems=tuple(problems))

    async def _one(self, trajectory: Trajectory, step: int, brief: Brief) -> tuple[str, Usage]:
        answer = await self.asker.ask(self._request(trajectory, [step], brief))
        found = parse_reasons(answer.text, [step])
        if step not in found:
            raise TeacherError(f"no reason for step {step} could be read")
        return found[step], answer.usage

    def _request(self, trajectory: Trajectory, asked: Sequence[int], brief: Brief) -> ModelRequest:
        messages = self.prompts.conversation(
            "explain",
            rules=brief.rules,
            attempt=record(trajectory, max(asked) + 1),
            asked=list(asked),
        )
        drawn = self.decoding
        return ModelRequest(
            "autolabel", messages, drawn.max_tokens, drawn.temperature, drawn.top_p, REASONS
        )


def names_later(trajectory: Trajectory, step: int, reason: str) -> bool:
    """Whether a reason names a numbered thing ("mug 2") that is first seen after its step."""
    seen = " ".join(
        [trajectory.task.goal, *trajectory.steps[step].observation.candidates]
        + [s.observation.text for s in trajectory.steps[: step + 1]]
    )
    later = " ".join(
        [s.observation.text for s in trajectory.steps[step + 1 :]] + [trajectory.final]
    )
    new = _names(later) - _names(seen)
    return bool(new & _names(reason)) if new else False


def _names(text: str) -> set[str]:
    return set(_NUMBERED.findall(text.lower()))


@dataclass(frozen=True, slots=True)
class Describer:
    """Sums up the log of a solved task in the four parts of the paper's privileged state."""

    asker: Asker
    prompts: Prompts
    decoding: Decoding

    async def describe(self, trajectory: Trajectory) -> PrivilegedState:
        """Return the state, the same for every step of an attempt at that task.

        Raises:
            TeacherError: the answer cannot be read, asked twice.
        """
        messages = self.prompts.conversation(
            "describe", attempt=record(trajectory, len(trajectory.steps))
        )
        drawn = self.decoding
        for sample in range(2):
            request = ModelRequest(
                "description", messages, drawn.max_tokens, drawn.temperature, drawn.top_p,
                sample=sample,
            )  # fmt: skip
            answer = await self.asker.ask(request)
            for found in find_objects(answer.text):
                if isinstance(found.get("optimal_action_sequence"), list):
                    return _state(found)
        raise TeacherError("the description of the demonstration could not be read")


def _state(found: Mapping[str, Any]) -> PrivilegedState:
    objects = list(_pairs(found.get("essential_objects"), "where"))
    places = list(_pairs(found.get("critical_locations"), "what_for"))
    actions = [str(action) for action in found["optimal_action_sequence"]]
    lines = ["**Task:**", str(found.get("task", ""))]
    lines += ["**Essential Objects:**", *(f"- {name}: {where}" for name, where in objects)]
    lines += ["**Critical Locations:**", *(f"- {name}: {why}" for name, why in places)]
    lines += ["**Optimal Action Sequence:**", *(f"{i}. {a}" for i, a in enumerate(actions, 1))]
    secrets = [name for name, _ in objects]
    secrets += [f"{name} is in {where}" for name, where in objects if where]
    return PrivilegedState(
        text="\n".join(lines), secrets=tuple(dict.fromkeys(secrets)), facts={"plan": actions}
    )


def _pairs(items: Any, second: str) -> Iterator[tuple[str, str]]:
    listed: Iterable[Any] = items if isinstance(items, list) else ()
    for item in listed:
        if isinstance(item, dict) and item.get("name"):
            yield str(item["name"]), str(item.get(second) or "")
        elif isinstance(item, str) and item:
            yield item, ""
