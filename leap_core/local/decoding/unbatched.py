"""Decoding by nothing but a model's own forward pass and its own cache: slow, and always right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from leap_core.local.decoding.base import DecodeBatch, Decoder, TokenizedPrompt


class UnbatchedDecoder(Decoder):
    """One turn at a time; the whole prompt is encoded at every turn."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def start(self, turns: Sequence[TokenizedPrompt], reply: int) -> DecodeBatch:
        return _PlainGroup(self.model, turns)


class _PlainGroup(DecodeBatch):
    def __init__(self, model: Any, turns: Sequence[TokenizedPrompt]) -> None:
        self.model = model
        self.caches: list[Any] = [None] * len(turns)
        self.logits = self._logits(range(len(turns)), [[*t.trunk, *t.branch] for t in turns])

    def feed(self, rows: Sequence[int], chunks: Sequence[Sequence[int]]) -> torch.Tensor:
        return self._logits(rows, [[token] for [token] in chunks])

    def _logits(self, rows: Sequence[int], texts: Sequence[list[int]]) -> torch.Tensor:
        found = []
        for row, text in zip(rows, texts, strict=True):
            ids = torch.tensor([text], device=self.model.device)
            out = self.model(input_ids=ids, past_key_values=self.caches[row], use_cache=True)
            self.caches[row] = out.past_key_values
            found.append(out.logits[0, -1].float())
        return torch.stack(found)
