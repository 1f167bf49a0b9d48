"""Key/value cache of many ragged episodes, kept between their turns.

Columns are shared by all rows; a row that has nothing in a column has a hole there, which the mask
hides. Positions are given explicitly, so holes cost memory but change nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

_GROWTH = 256


class _Layer(CacheLayerMixin):
    """One layer's keys and values in a buffer that is written in place: no copy per token."""

    is_sliding = False

    def __init__(self, owner: EpisodeCache) -> None:
        super().__init__()
        self.owner = owner

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        rows, heads, _, size = key_states.shape
        shape = (rows, heads, 0, size)
        self.keys = key_states.new_zeros(shape)
        self.values = value_states.new_zeros((rows, heads, 0, value_states.shape[-1]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        start, end = self.owner.columns, self.owner.columns + key_states.shape[-2]
        if end > self.keys.shape[-2]:
            self.keys = _widen(self.keys, end + _GROWTH)
            self.values = _widen(self.values, end + _GROWTH)
        self.keys[:, :, start:end] = key_states
        self.values[:, :, start:end] = value_states
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.owner.columns + query_length, 0

    def get_seq_length(self) -> int:
        return self.owner.columns

    def get_max_length(self) -> int:
        return -1


class EpisodeCache(Cache):
    """Cache over `rows` episodes.

    Attributes:
        columns: columns written so far (int).
        filled: bool tensor [rows, columns]; False is a hole.
    """

    def __init__(self, layers: int, device: torch.device) -> None:
        self.columns = 0
        self.filled = torch.zeros((0, 0), dtype=torch.bool, device=device)
        super().__init__(layers=[_Layer(self) for _ in range(layers)])

    def append(self, filled: torch.Tensor) -> None:
        """Account for a chunk that a forward pass has just written; `filled` is [rows, width]."""
        self.filled = torch.cat([self.filled, filled], dim=1)
        self.columns += filled.shape[1]

    def rewind(self, columns: int) -> None:
        """Drop everything from `columns` on (a branch and its reply)."""
        self.filled = self.filled[:, :columns]
        self.columns = columns

    def select(self, rows: list[int], new: int) -> None:
        """Keep `rows`, add `new` empty ones, and squeeze out columns that have become holes."""
        old = self.filled.shape[0]
        index = torch.tensor(rows, dtype=torch.long, device=self.filled.device)
        self.filled = torch.cat([self.filled[index], self.filled.new_zeros((new, self.columns))])
        width = int(self.filled.sum(1).max()) if self.filled.numel() else 0
        if rows == list(range(old)) and not new and self.columns - width < _GROWTH:
            return
        order = self.filled.long().argsort(dim=1, stable=True)[:, self.columns - width :]
        for layer in self.layers:
            if layer.is_initialized:
                layer.keys = _gather(layer.keys, index, new, order)
                layer.values = _gather(layer.values, index, new, order)
        self.filled = self.filled.gather(1, order)
        self.columns = width


def _gather(
    states: torch.Tensor, rows: torch.Tensor, new: int, order: torch.Tensor
) -> torch.Tensor:
    kept = states[rows]
    if new:
        kept = torch.cat([kept, kept.new_zeros((new, *kept.shape[1:]))])
    wide = order[:, None, :, None].expand(-1, kept.shape[1], -1, kept.shape[3])
    return kept.gather(2, wide)


def _widen(states: torch.Tensor, columns: int) -> torch.Tensor:
    wide = states.new_zeros((*states.shape[:2], columns, states.shape[3]))
    wide[:, :, : states.shape[2]] = states
    return wide
