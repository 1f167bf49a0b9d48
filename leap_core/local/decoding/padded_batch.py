"""Decoding with a model's own forward pass over padded rows, with the trunks' keys and values kept.

Columns are shared by all rows of a group; where a row has nothing, there is a hole, which the mask
hides. Positions are given explicitly, so holes cost memory but change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from leap_core.local.decoding.base import DecodeBatch, Decoder, TokenizedPrompt

_State = tuple[torch.Tensor, torch.Tensor]


def keeps_whole_text(model: Any) -> bool:
    """Whether every layer attends to the whole text, so that any prefix can be kept and cut."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ("full_attention",))
    window = getattr(config, "sliding_window", None)
    windowed = window is not None and getattr(config, "use_sliding_window", True)
    return kinds == {"full_attention"} and not windowed and not getattr(model, "_is_stateful", 0)


@dataclass
class _Kept:
    """A trunk: its ids, and keys and values [heads, tokens, size] of every layer."""

    ids: list[int]
    layers: list[_State]


class PaddedDecoder(Decoder):
    """Any transformers model whose layers keep keys and values of the whole text."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.kept: dict[str, _Kept] = {}

    @property
    def weight_bytes(self) -> int:
        return sum(p.numel() * p.element_size() for p in self.model.parameters())

    def start(self, turns: Sequence[TokenizedPrompt], reply: int) -> DecodeBatch:
        return _PaddedGroup(self, turns, reply)

    def forget(self, episode: str) -> None:
        self.kept.pop(episode, None)

    def known(self, turn: TokenizedPrompt) -> int:
        """How many of a turn's tokens are kept: all of the trunk's last time, or none."""
        kept = self.kept.get(turn.episode)
        if kept is None or turn.trunk[: len(kept.ids)] != kept.ids:
            return 0
        return min(len(kept.ids), len(turn.trunk) + len(turn.branch) - 1)


def _first(kept: _Kept, count: int) -> list[_State]:
    return [(keys[:, :count], values[:, :count]) for keys, values in kept.layers]


class _PaddedGroup(DecodeBatch):
    def __init__(
        self, decoder: PaddedDecoder, turns: Sequence[TokenizedPrompt], reply: int
    ) -> None:
        self.model = decoder.model
        known = [decoder.known(turn) for turn in turns]
        fresh = [(t.trunk + t.branch)[k:] for t, k in zip(turns, known, strict=True)]
        before, after = max(known), max(map(len, fresh))
        layers = self.model.config.get_text_config().num_hidden_layers
        self.cache = _Columns(layers, before, before + after + reply)
        self.filled = torch.zeros((len(turns), before), dtype=torch.bool, device=self.model.device)
        for row, count in enumerate(known):
            self.filled[row, before - count :] = True
        if before:
            self.cache.load([_first(decoder.kept[t.episode], n) if n else None
                             for t, n in zip(turns, known, strict=True)])  # fmt: skip
        self.lengths = list(known)
        self.logits = self._forward(fresh)
        for row, turn in enumerate(turns):
            mine = self.filled[row].nonzero()[: len(turn.trunk), 0]
            decoder.kept[turn.episode] = _Kept(turn.trunk, self.cache.columns_of(row, mine))

    def feed(self, rows: Sequence[int], chunks: Sequence[Sequence[int]]) -> torch.Tensor:
        every: list[list[int]] = [[] for _ in self.lengths]
        for row, [token] in zip(rows, chunks, strict=True):
            every[row] = [token]
        return self._forward(every)[torch.tensor(rows, device=self.model.device)]

    def _forward(self, chunks: Sequence[list[int]]) -> torch.Tensor:
        """Run a left-padded chunk a row through the model; the last logits [rows, vocabulary]."""
        rows, width = len(chunks), max(map(len, chunks))
        ids = torch.zeros((rows, width), dtype=torch.long)
        filled = torch.zeros((rows, width), dtype=torch.bool)
        positions = torch.zeros((rows, width), dtype=torch.long)
        for row, chunk in enumerate(chunks):
            if chunk:
                ids[row, -len(chunk) :] = torch.tensor(chunk)
                filled[row, -len(chunk) :] = True
                start = self.lengths[row]
                positions[row, -len(chunk) :] = torch.arange(start, start + len(chunk))
                self.lengths[row] = start + len(chunk)
        device = self.model.device
        filled = filled.to(device)
        out = self.model(
            input_ids=ids.to(device),
            attention_mask=self._mask(filled),
            position_ids=positions.to(device),
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.filled = torch.cat([self.filled, filled], dim=1)
        self.cache.columns += width
        logits: torch.Tensor = out.logits[:, -1].float()
        return logits

    def _mask(self, filled: torch.Tensor) -> torch.Tensor:
        width = filled.shape[1]
        seen = self.filled[:, None, :].expand(-1, width, -1)
        causal = torch.ones((width, width), dtype=torch.bool, device=filled.device).tril()
        mask = torch.cat([seen, filled[:, None, :] & causal], dim=2)
        # A hole attends to itself: a row of nothing but False has no softmax.
        own = torch.eye(width, dtype=torch.bool, device=filled.device) & ~filled[:, :, None]
        mask[:, :, self.filled.shape[1] :] |= own
        # As numbers to add: every implementation of attention takes those, not all take booleans.
        added = torch.zeros(mask.shape, dtype=self.model.dtype, device=mask.device)
        return added.masked_fill_(~mask, torch.finfo(added.dtype).min)[:, None]


class _Layer(CacheLayerMixin):
    """One layer's keys and values in a buffer that is written in place: no copy per token."""

    is_sliding = False

    def __init__(self, owner: _Columns) -> None:
        super().__init__()
        self.owner = owner

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        room = self.owner.room
        self.keys = key_states.new_zeros((*key_states.shape[:2], room, key_states.shape[3]))
        self.values = value_states.new_zeros((*value_states.shape[:2], room, value_states.shape[3]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> _State:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        start, end = self.owner.columns, self.owner.columns + key_states.shape[-2]
        self.keys[:, :, start:end] = key_states
        self.values[:, :, start:end] = value_states
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.owner.columns + query_length, 0

    def get_seq_length(self) -> int:
        return self.owner.columns

    def get_max_length(self) -> int:
        return -1


class _Columns(Cache):
    """The cache of one group; `columns` of `room` are written."""

    def __init__(self, layers: int, columns: int, room: int) -> None:
        self.columns, self.room = columns, room
        super().__init__(layers=[_Layer(self) for _ in range(layers)])

    def load(self, kept: Sequence[list[_State] | None]) -> None:
        """Write every row's kept states so that they end at the last written column."""
        for number, layer in enumerate(self.layers):
            shown = next(states[number] for states in kept if states is not None)
            layer.lazy_initialization(*(part.expand(len(kept), -1, -1, -1) for part in shown))
            for row, states in enumerate(kept):
                if states is not None:
                    keys, values = states[number]
                    layer.keys[row, :, self.columns - keys.shape[1] : self.columns] = keys
                    layer.values[row, :, self.columns - values.shape[1] : self.columns] = values

    def columns_of(self, row: int, columns: torch.Tensor) -> list[_State]:
        """Copies of a row's states in `columns`, layer by layer."""
        return [(la.keys[row][:, columns], la.values[row][:, columns]) for la in self.layers]
