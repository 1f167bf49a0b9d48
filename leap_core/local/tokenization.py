"""From prompts to token ids, once, for rollouts and training alike.

Every piece is tokenised on its own, so the ids of a trunk never change when it grows, and a model
is asked in rollouts exactly what it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from leap_core.errors import PolicyError
from leap_core.types import Prompt

_SENTINEL = "\u2402leap\u2402"


class PromptEncoder:
    """Wraps a tokenizer with its chat frame: what stands before a prompt, and after it.

    A tokenizer without a chat template gets an empty frame (plain text, ended by EOS).

    Attributes:
        end: ids that close a reply (the assistant turn's end, or EOS); trained on.
        stop: every id that ends generation.
    """

    def __init__(self, tokenizer: Any, stop: tuple[int, ...] = ()) -> None:
        self.tokenizer = tokenizer
        head, tail, end = _frame(tokenizer)
        self._head = self.ids(head)
        self._tail = self.ids(tail)
        self.end = _turn_end(self.ids(end), tokenizer)
        if not self.end:
            raise PolicyError("the tokenizer has neither a chat template nor an EOS token")
        self.stop = tuple(dict.fromkeys((self.end[0], *stop)))
        self.piece = lru_cache(maxsize=8192)(self.ids)

    def trunk(self, prompt: Prompt) -> list[int]:
        """Ids of the whole trunk, chat frame's head included."""
        return [*self._head, *self.pieces(prompt.trunk)]

    def pieces(self, texts: Sequence[str]) -> list[int]:
        """Ids of consecutive pieces of a trunk."""
        return [token for text in texts for token in self.piece(text)]

    def branch(self, prompt: Prompt) -> list[int]:
        """Ids of the branch, up to where the reply begins."""
        return [*self.ids(prompt.branch), *self._tail]

    def reply(self, text: str) -> list[int]:
        """Ids that the student is trained to write, end included."""
        return [*self.ids(text), *self.end]

    def decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def ids(self, text: str) -> tuple[int, ...]:
        """Ids of a text on its own."""
        if not text:
            return ()
        return tuple(self.tokenizer.encode(text, add_special_tokens=False))


def _turn_end(ids: tuple[int, ...], tokenizer: Any) -> tuple[int, ...]:
    """Up to the first special token: some templates end the whole conversation after the turn."""
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    for index, token in enumerate(ids):
        if token in special:
            return ids[: index + 1]
    return ids


def _frame(tokenizer: Any) -> tuple[str, str, str]:
    """Split the chat template around a user turn and an assistant turn: (head, tail, end)."""
    eos = tokenizer.eos_token or ""
    if not getattr(tokenizer, "chat_template", None):
        return tokenizer.bos_token or "", "", eos
    user = [{"role": "user", "content": _SENTINEL}]
    asked = tokenizer.apply_chat_template(user, tokenize=False, add_generation_prompt=True)
    head, mark, tail = asked.partition(_SENTINEL)
    if not mark:
        raise PolicyError("the tokenizer's chat template does not show the user's text")
    answered = tokenizer.apply_chat_template(
        [*user, {"role": "assistant", "content": _SENTINEL}], tokenize=False
    )
    end = answered.rpartition(_SENTINEL)[2].rstrip()
    return head, tail, end or eos
