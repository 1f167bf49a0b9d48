"""The student in the place of verifiers' agent: whoever asks for its turn waits for its action."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

import verifiers.v1 as vf


class Turns:
    """Where an environment leaves what it says, and waits for the student's answer."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.answers: asyncio.Queue[str] = asyncio.Queue()

    async def take(self, text: str) -> str:
        """Tell the student `text`, and wait."""
        self.tell(text)
        return await self.answers.get()


class StudentAgent:
    """What an environment knows as its agent. Of `vf.Agent` it has `run` and `interaction`."""

    def __init__(self, config: Any, turns: Turns) -> None:
        self.config, self.turns = config, turns
        self.trainable = True
        self.traces: list[Any] = []

    def interaction(self, task: Any) -> StudentInteraction:
        """Open an exchange; the environment is the student's partner in it."""
        if self.traces:
            raise RuntimeError("the environment lets its agent play more than once in an episode")
        interaction = StudentInteraction(task, self.config, self.turns)
        self.traces.append(interaction.trace)
        return interaction

    async def run(self, task: Any) -> Any:
        """One turn: the prompt, and the answer to it."""
        async with self.interaction(task) as interaction:
            await interaction.turn()
        return interaction.trace


class StudentInteraction:
    """An exchange that is kept in a trace, and scored when it ends."""

    def __init__(self, task: Any, config: Any, turns: Turns) -> None:
        self.task, self.turns = task, turns
        told = vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash)
        self.trace: Any = vf.Trace(task=told, agent=vf.AgentInfo(config=config))

    async def __aenter__(self) -> StudentInteraction:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.task.score(self.trace)

    async def turn(self, message: Any = None) -> vf.Segment:
        """Say `message` (the task's prompt to begin with), and return what the student answers."""
        said = self._opening() if not self.trace.nodes else []
        if message is not None:
            said += [_user(message)] if isinstance(message, str) else list(message)
        if not said:
            raise ValueError("nothing is said that the student could answer")
        answer = await self.turns.take("\n\n".join(_text(one) for one in said))
        reply = _message({"role": "assistant", "content": answer})
        for one in said:
            self._keep(one, sampled=False)
        self._keep(reply, sampled=True)
        return vf.Segment(messages=[reply])

    def _opening(self) -> list[Any]:
        data = self.task.data
        prompt = [_user(data.prompt)] if isinstance(data.prompt, str) else list(data.prompt or [])
        if data.system_prompt is None:
            return prompt
        return [_message({"role": "system", "content": data.system_prompt}), *prompt]

    def _keep(self, message: Any, *, sampled: bool) -> None:
        parent = len(self.trace.nodes) - 1 if self.trace.nodes else None
        node = {"parent": parent, "message": message, "sampled": sampled}
        self.trace.nodes.append(vf.MessageNode.model_validate(node))


def _user(text: str) -> Any:
    return _message({"role": "user", "content": text})


def _message(fields: dict[str, Any]) -> Any:
    return vf.MessageNode.model_validate({"message": fields}).message


def _text(message: Any) -> str:
    """What a message says; one that shows pictures cannot be read to a student of text."""
    if isinstance(message.content, str):
        return message.content
    parts = message.content or []
    if not all(part.type == "text" for part in parts):
        raise ValueError("a message holds something other than text")
    return "\n".join(part.text for part in parts)
