"""Drawing tokens: every row from a random stream of its own."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import torch

from leap_core.config.schema import GenerationConfig
from leap_core.contracts.engine import Request


class Sampler:
    """Draws tokens of some rows of a group of requests.

    A row's stream depends on its episode, step and seed, never on the batch that it is in, nor on
    how many of its tokens are drawn at once.
    """

    def __init__(self, generation: GenerationConfig, requests: Sequence[Request]) -> None:
        self.generation = generation
        self.streams = [_stream(r) for r in requests] if generation.temperature else []
        self._uniform: list[list[float]] = [[] for _ in self.streams]

    def draw(self, logits: torch.Tensor, places: Sequence[tuple[int, int]]) -> list[int]:
        """One token id for each of `places`, from its `logits` [places, vocabulary].

        A place is (row, number of the draw in that row).
        """
        if not self.generation.temperature:
            return [int(token) for token in logits.argmax(-1).tolist()]
        chances = torch.softmax(logits.double() / self.generation.temperature, -1)
        if self.generation.top_p < 1:
            chances = _nucleus(chances, self.generation.top_p)
        cumulative = chances.cumsum(-1)
        uniform = torch.tensor([self._number(*place) for place in places], dtype=torch.double)
        level = uniform.to(logits.device)[:, None] * cumulative[:, -1:]
        drawn = torch.searchsorted(cumulative, level, right=True)[:, 0]
        # Rounding may leave the level at the very end: then the last token with a chance.
        last = (chances > 0).long().cumsum(-1).argmax(-1)
        return [int(token) for token in torch.minimum(drawn, last).tolist()]

    def _number(self, row: int, at: int) -> float:
        """The row's random number for its draw `at`."""
        known = self._uniform[row]
        while len(known) <= at:
            known.append(self.streams[row].random())
        return known[at]


def _stream(request: Request) -> np.random.Generator:
    text = f"{request.seed}\0{request.episode}\0{len(request.history)}"
    key = int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def _nucleus(chances: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep each row's most likely tokens until they reach `top_p`; the rest become 0."""
    ordered, order = chances.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    kept = ordered.masked_fill(before >= top_p, 0.0)
    return torch.zeros_like(chances).scatter(-1, order, kept)
