"""Decoding with a `LlamaModel`: the keys and values of each episode's trunk are kept, no more.

A group of turns is decoded in a work space of its own: the kept trunks are copied in so that all
rows end in the same column, then every token of the replies is one column more. That is one copy a
turn instead of one a token, needs no holes and no fragmentation, and a group that is small enough
stays in the processor's cache while its replies are written.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention as attend

from leap_core.local.decoding.base import DecodeBatch, Decoder, TokenizedPrompt
from leap_core.local.decoding.llama import Layer, LlamaModel
from leap_core.local.decoding.ragged_batch import RaggedBatch

# Tokens that go through the linear layers at once: enough for their full speed, few enough that
# what lies between two of them stays in the cache. And the most of one row among them.
_CHUNK = {"cpu": 384}
_LARGE_CHUNK = 8192
_PIECE = 256
_SPARE = 64


@dataclass
class CachedPrefix:
    """A trunk: its ids, and its states [layers, 2, kv_heads, room, head_size]."""

    ids: list[int]
    states: torch.Tensor


@dataclass(frozen=True)
class _Piece:
    """Consecutive new tokens of one row; `end` is where its prompt's last token is among them."""

    row: int
    start: int
    ids: list[int]
    ends: bool


class PrefixCacheDecoder(Decoder):
    """Ragged groups without padding in the linear layers."""

    guesses = True

    def __init__(self, model: LlamaModel) -> None:
        self.model = model
        self._kept: dict[str, CachedPrefix] = {}
        self._local = threading.local()
        self._band = torch.empty(0, 0, dtype=model.dtype, device=model.device)

    @property
    def weight_bytes(self) -> int:
        return self.model.weight_bytes

    def start(self, turns: Sequence[TokenizedPrompt], reply: int) -> DecodeBatch:
        lengths = [len(turn.trunk) + len(turn.branch) for turn in turns]
        end = max(lengths)
        starts = [end - length for length in lengths]
        space = self.workspace(len(turns), end + reply)
        known = [self.known(turn) for turn in turns]
        for row, (turn, first) in enumerate(zip(turns, starts, strict=True)):
            self.load(turn, known[row], space[:, :, row, :, first : first + known[row]])
        last = _Prompts(self, space, starts).encode(turns, known)
        for row, (turn, first) in enumerate(zip(turns, starts, strict=True)):
            place = space[:, :, row, :, first : first + len(turn.trunk)]
            self.keep(turn, min(known[row], len(turn.trunk)), place)
        return RaggedBatch(self.model, space, starts, end, self.model.logits(last))

    def forget(self, episode: str) -> None:
        self._kept.pop(episode, None)

    def known(self, turn: TokenizedPrompt) -> int:
        """How many of a turn's tokens are kept (at least one never is: its logits are wanted)."""
        kept = self._kept.get(turn.episode)
        if kept is None:
            return 0
        count = len(kept.ids)
        if turn.trunk[:count] != kept.ids:
            same = (a == b for a, b in zip(turn.trunk, kept.ids, strict=False))
            count = next((i for i, equal in enumerate(same) if not equal), len(turn.trunk))
        return min(count, len(turn.trunk) + len(turn.branch) - 1)

    def load(self, turn: TokenizedPrompt, count: int, place: torch.Tensor) -> None:
        """Copy the first `count` kept columns to `place` [layers, 2, kv_heads, count, size]."""
        if count:
            place.copy_(self._kept[turn.episode].states[:, :, :, :count])

    def keep(self, turn: TokenizedPrompt, count: int, place: torch.Tensor) -> None:
        """Keep a trunk whose columns are `place`; its first `count` are kept already."""
        kept, length = self._kept.get(turn.episode), len(turn.trunk)
        if kept is None or kept.states.shape[3] < length:
            shape = (*place.shape[:3], length + length // 4 + _SPARE, place.shape[4])
            states = place.new_empty(shape)
            count = 0
        else:
            states = kept.states
        states[:, :, :, count:length].copy_(place[:, :, :, count:])
        self._kept[turn.episode] = CachedPrefix(turn.trunk, states)

    def workspace(self, rows: int, columns: int) -> torch.Tensor:
        """This thread's work space [layers, 2, rows, kv_heads, columns, size]; finite numbers."""
        model = self.model
        shape = (len(model.layers), 2, rows, model.kv_heads, columns, model.head_size)
        size = torch.Size(shape).numel()
        space = getattr(self._local, "space", None)
        if space is None or space.numel() < size:
            self._local.space = space = None
            space = torch.zeros(2 * size, dtype=model.dtype, device=model.device)
            self._local.space = space
        return space[:size].view(shape)

    def causal(self, new: int, before: int) -> torch.Tensor | None:
        """Additive mask [1, 1, new * shared, before + new]: `new` tokens after `before` others."""
        if new == 1:
            return None
        band, shared = self._band, self.model.shared
        room = band.shape[1] - _PIECE
        if before > room or not band.numel():
            room = max(1024, 2 * before)
            rows = torch.arange(_PIECE * shared, device=self.model.device)[:, None] // shared
            columns = torch.arange(room + _PIECE, device=self.model.device)[None]
            band = torch.zeros(rows.shape[0], columns.shape[1], device=self.model.device)
            band.masked_fill_(columns > rows + room, float("-inf"))
            self._band = band = band.to(self.model.dtype)
        mask = band[: new * shared, room - before : room + new]
        return (mask if mask.device.type == "cpu" else mask.contiguous())[None, None]


class _Prompts:
    """Encodes the prompts of a group into its work space; row r's begins at column starts[r]."""

    def __init__(
        self, decoder: PrefixCacheDecoder, space: torch.Tensor, starts: Sequence[int]
    ) -> None:
        self.decoder, self.model = decoder, decoder.model
        self.space, self.starts = space, starts

    def encode(self, turns: Sequence[TokenizedPrompt], known: Sequence[int]) -> torch.Tensor:
        """Run the new tokens; return the last hidden states [rows, hidden]."""
        last: dict[int, torch.Tensor] = {}
        for chunk in self._chunks(turns, known):
            ending = [piece.row for piece in chunk if piece.ends]
            states = self._forward(chunk)
            last.update(zip(ending, states, strict=True))
        return torch.stack([last[row] for row in range(len(turns))])

    def _chunks(
        self, turns: Sequence[TokenizedPrompt], known: Sequence[int]
    ) -> Iterator[list[_Piece]]:
        """The new tokens in pieces, and the pieces in chunks of about the wanted size."""
        limit = _CHUNK.get(self.model.device.type, _LARGE_CHUNK)
        chunk: list[_Piece] = []
        size = 0
        for row, turn in enumerate(turns):
            ids = (turn.trunk + turn.branch)[known[row] :]
            for at in range(0, len(ids), _PIECE):
                piece = ids[at : at + _PIECE]
                if chunk and size + len(piece) > limit:
                    yield chunk
                    chunk, size = [], 0
                chunk.append(_Piece(row, known[row] + at, piece, at + _PIECE >= len(ids)))
                size += len(piece)
        yield chunk

    def _forward(self, chunk: Sequence[_Piece]) -> torch.Tensor:
        """Hidden states of those tokens of a chunk after which a reply begins."""
        model, device = self.model, self.model.device
        ids = torch.tensor([i for piece in chunk for i in piece.ids], device=device)
        where = [p for piece in chunk for p in range(piece.start, piece.start + len(piece.ids))]
        rotations = model.rotations(torch.tensor(where, device=device), max(where))
        x = model.embedding[ids]
        final = len(model.layers) - 1
        for number, layer in enumerate(model.layers[:final]):
            x = model.mix(layer, x, self._attend(number, layer, x, chunk, rotations))
        ends, at = [], 0
        for piece in chunk:
            at += len(piece.ids)
            if piece.ends:
                ends.append(at - 1)
        attended = self._attend(final, model.layers[final], x, chunk, rotations, only_ends=True)
        if not ends:
            return x[:0]
        return model.mix(model.layers[final], x[torch.tensor(ends, device=device)], attended)

    def _attend(
        self,
        number: int,
        layer: Layer,
        x: torch.Tensor,
        chunk: Sequence[_Piece],
        rotations: tuple[torch.Tensor, torch.Tensor],
        only_ends: bool = False,
    ) -> torch.Tensor:
        """Write the chunk's keys and values; what its tokens (or its ends) attend to [n, width]."""
        model = self.model
        queries, keys, values = model.project(layer, x, rotations)
        space, at = self.space[number], 0
        found = []
        for piece in chunk:
            new, first = len(piece.ids), self.starts[piece.row]
            begin = first + piece.start
            here = slice(begin, begin + new)
            space[0, piece.row, :, here].copy_(keys[at : at + new].transpose(0, 1))
            space[1, piece.row, :, here].copy_(values[at : at + new].transpose(0, 1))
            at += new
            if only_ends and not piece.ends:
                continue
            asked = 1 if only_ends else new
            seen = space[:, piece.row : piece.row + 1, :, first : begin + new]
            # Heads that share keys stand as further rows: keys are neither copied nor repeated.
            rows = queries[at - asked : at].unflatten(1, (model.kv_heads, model.shared))
            rows = rows.transpose(0, 1).reshape(1, model.kv_heads, asked * model.shared, -1)
            mask = self.decoder.causal(asked, begin + new - first - asked)
            out = attend(rows, seen[0], seen[1], attn_mask=mask, scale=model.scale)
            out = out[0].unflatten(1, (asked, model.shared)).transpose(0, 1)
            found.append(out.reshape(asked, -1))
        return torch.cat(found) if found else x[:0]
