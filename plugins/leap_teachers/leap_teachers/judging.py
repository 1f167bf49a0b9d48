"""One question on one reason: does it tell the student what it cannot know?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leap_core import Judgement, PrivilegedState
from leap_teachers.model_io import Asker, ModelRequest
from leap_teachers.parsing import find_objects
from leap_teachers.prompts import Prompts

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"why": {"type": "string"}, "leak": {"type": "boolean"}},
    "required": ["why", "leak"],
    "additionalProperties": False,
}
_LONGEST_ANSWER = 300
_SHOWN = 80
_VERDICTS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class ReasonJudge:
    """Asks a model about single reasons; the same question is answered from the cache."""

    asker: Asker
    prompts: Prompts

    async def judge(
        self, history: str, state: PrivilegedState, reason: str, action: str
    ) -> Judgement:
        """Ask once. An answer without a verdict is none.

        Raises:
            TeacherError: there is no answer to be had.
        """
        messages = self.prompts.conversation(
            "judge", history=history, hidden=state.text, reason=reason, action=action
        )
        request = ModelRequest("judge", messages, _LONGEST_ANSWER, temperature=0.0, schema=SCHEMA)
        answer = await self.asker.ask(request)
        verdict = _verdict(answer.text)
        why = verdict[1] if verdict else answer.text[:_SHOWN]
        return Judgement(leaks=verdict[0] if verdict else None, why=why, usage=answer.usage)


def _verdict(text: str) -> tuple[bool, str] | None:
    """Read the last object with a verdict; None where there is none, or several that differ."""
    found = [entry for entry in find_objects(text) if _as_bool(entry.get("leak")) is not None]
    if len({_as_bool(entry["leak"]) for entry in found}) != 1:
        return None
    last = found[-1]
    return bool(_as_bool(last["leak"])), str(last.get("why", ""))


def _as_bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return _VERDICTS.get(value.strip().lower()) if isinstance(value, str) else None
