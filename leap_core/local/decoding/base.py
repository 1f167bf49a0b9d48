"""What decodes a group of turns together: the contract, and which way suits a model.

Three ways, from fast to general, all with the same results: `FusedDecoder` (the Llama family),
`PaddedDecoder` (any model whose layers keep keys and values of the whole text), `PlainDecoder`
(everything else: one turn at a time, with the model's own cache).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import torch

_PROBE = 24


class Turn(NamedTuple):
    """One prompt as token ids. The trunk of an episode only grows; the branch is dropped."""

    episode: str
    trunk: list[int]
    branch: list[int]


class Group(ABC):
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
    def start(self, turns: Sequence[Turn], reply: int) -> Group:
        """Encode what is new in the prompts; at most `reply` tokens will be fed to a row."""

    def forget(self, episode: str) -> None:
        """Drop what is kept of an episode."""

    @property
    def busy_bytes(self) -> int:
        """Bytes of weights that every token passes."""
        return 0


def decoder_of(model: Any, fused: bool = True) -> Decoder:
    """The fastest decoder that computes what the model computes; `fused` may be one."""
    from leap_core.local.decoding.llama import FusedModel
    from leap_core.local.decoding.padded_batch import PaddedDecoder, keeps_whole_text
    from leap_core.local.decoding.unbatched import PlainDecoder
    from leap_core.local.decoding.prefix_cache import FusedDecoder

    if fused:
        with suppress(AttributeError, ValueError):
            quick = FusedDecoder(FusedModel(model))
            if agrees(quick, model):
                return quick
    # What a model makes of rows that it was not written for may end in any error.
    with suppress(Exception):
        padded = PaddedDecoder(model)
        if keeps_whole_text(model) and agrees(padded, model):
            return padded
    return PlainDecoder(model)


@torch.inference_mode()
def agrees(decoder: Decoder, model: Any) -> bool:
    """Whether a decoder's log-probabilities are the model's own, on a made-up text."""
    config = model.config.get_text_config()
    ids = (torch.arange(_PROBE) * 7919 + 11) % config.vocab_size
    own = model(input_ids=ids[None].to(model.device)).logits[0, -2:].float().log_softmax(-1)
    text = ids.tolist()
    turns = [Turn("probe", text[:9], text[9:-1]), Turn("shorter", text[:3], [])]
    group = decoder.start(turns, 1)
    ours = torch.cat([group.logits[:1], group.feed([0], [text[-1:]])]).log_softmax(-1)
    for turn in turns:
        decoder.forget(turn.episode)
    exact = torch.finfo(model.dtype).bits >= 32
    return bool((own - ours).abs().max() <= (1e-3 if exact else 0.25))
