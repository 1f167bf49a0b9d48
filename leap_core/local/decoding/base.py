"""What decodes a group of turns together: the contract, and which way suits a model.

Three ways, from fast to general, all with the same results: `FusedDecoder` (the Llama family),
`PaddedDecoder` (any model whose layers keep keys and values of the whole text), `PlainDecoder`
(everything else: one turn at a time, with the model's own cache).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch


class TokenizedPrompt(NamedTuple):
    """One prompt as token ids. The trunk of an episode only grows; the branch is dropped."""

    episode: str
    trunk: list[int]
    branch: list[int]


class DecodeBatch(ABC):
    """Turns that are being answered together.

    Attributes:
        logits: float tensor [turns, vocabulary]: what follows each prompt.
    """

    logits: torch.Tensor

    @abstractmethod
    def feed(self, rows: Sequence[int], chunks: Sequence[Sequence[int]]) -> torch.Tensor:
        """Append a chunk of tokens to each of `rows` (ascending).

        Returns logits [tokens, vocabulary]: what follows each token, row after row. A row that was
        once left out is finished and must not come again. Chunks have one token each where the
        decoder takes no guesses.
        """

    def cut(self, row: int, count: int) -> None:
        """Take back the last `count` tokens of a row, where the decoder takes guesses."""
        raise NotImplementedError


class Decoder(ABC):
    """Prompts in, logits out, with what it needs to remember of each episode.

    Attributes:
        guesses: whether its groups take several tokens of a row at once, and take some back.
    """

    guesses = False

    @abstractmethod
    def start(self, turns: Sequence[TokenizedPrompt], reply: int) -> DecodeBatch:
        """Encode what is new in the prompts; at most `reply` tokens will be fed to a row."""

    def forget(self, episode: str) -> None:
        """Drop what is kept of an episode."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that every token passes."""
        return 0
