"""What is asked of a model and what it answers, whoever the model is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from leap_core import Usage


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model.

    Attributes:
        purpose: what it is for; a heading of the ledger.
        max_tokens: the longest answer.
        schema: JSON schema of the answer, used where the model can be held to one.
        sample: requests that differ in this alone are different draws of the same question.
        more: further fields of the request body, for servers that know them.
    """

    purpose: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.3
    top_p: float = 1.0
    schema: Mapping[str, Any] | None = None
    sample: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)

    def wire(self) -> list[dict[str, str]]:
        """The messages as the OpenAI protocol writes them."""
        return [{"role": m.role, "content": m.content} for m in self.messages]

    def size(self) -> int:
        """Bytes of all messages: no tokenizer makes more tokens of them than that."""
        return sum(len(m.content.encode("utf-8", "replace")) for m in self.messages)


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model answered.

    Attributes:
        complete: false where the answer was cut at `max_tokens`.
        usage: what this answer cost now: nothing when it came from the cache.
        prompt_log_likelihood: natural log of the probability of the prompt, where it was asked for
            and the server tells.
    """

    text: str
    complete: bool = True
    usage: Usage = field(default_factory=Usage)
    prompt_log_likelihood: float | None = None


class Asker(Protocol):
    """Something that answers requests.

    Attributes:
        context_tokens: how many tokens question and answer may have together.
    """

    @property
    def context_tokens(self) -> int: ...

    async def ask(self, request: ModelRequest) -> ModelAnswer:
        """Answer.

        Raises:
            leap_core.TeacherError: there is no answer to be had.
        """

    async def ask_all(self, requests: Sequence[ModelRequest]) -> list[ModelAnswer]:
        """Answer several, in order, in whatever way is quickest; raises what `ask` raises."""

    async def aclose(self) -> None:
        """Free connections and memory."""


class Scorer(Protocol):
    """Something that tells how likely a model is to give an answer."""

    async def log_likelihoods(
        self, messages: Sequence[Message], answers: Sequence[str]
    ) -> list[float]:
        """Natural log of the probability of each whole answer, its end included, to `messages`."""


def digest(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Hash of a JSON-like value: the key of a request in cache and ledger."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
