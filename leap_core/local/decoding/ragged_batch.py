"""Writing the replies of a group, whose prompts stand in one work space.

A pass feeds each reply the token that was drawn last, and perhaps a guess at what follows. All
texts end in the same column before the replies begin; from there each row goes at its own pace.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from leap_core.local.decoding.base import DecodeBatch
from leap_core.local.decoding.llama import LlamaModel


class RaggedBatch(DecodeBatch):
    """Rows of a work space [layers, 2, rows, kv_heads, columns, head_size] of keys and values.

    Attributes:
        rows: the rows that are still here, by their place in the work space.
        starts, ends: columns from and up to which the text at each place stands.
    """

    def __init__(
        self,
        model: LlamaModel,
        space: torch.Tensor,
        starts: Sequence[int],
        end: int,
        logits: torch.Tensor,
    ) -> None:
        self.model, self.space, self.logits = model, space, logits
        self.rows = list(range(len(starts)))
        self.starts, self.ends = list(starts), [end] * len(starts)
        self._hide()

    def feed(self, rows: Sequence[int], chunks: Sequence[Sequence[int]]) -> torch.Tensor:
        self._drop(rows)
        model, device = self.model, self.model.device
        given = dict(zip(rows, chunks, strict=True))
        # A finished row that is still here gets nothing, and nothing reads what comes of it.
        counts = [len(given.get(row, ())) for row in self.rows]
        fed = torch.tensor(
            [(p, j, self.ends[p] + j, self.ends[p] + j - self.starts[p])
             for p, count in enumerate(counts) for j in range(count)],
            device=device,
        )  # fmt: skip
        place, ahead, column, position = fed.unbind(1)
        ids = torch.tensor([i for chunk in chunks for i in chunk], device=device)
        rotations = model.rotations(position, self.space.shape[4])
        x = model.embedding[ids]
        look = _Attention(self, place, ahead, counts)
        aligned = look.single and self.ends == self.ends[:1] * len(counts)
        for number, layer in enumerate(model.layers):
            queries, keys, values = model.project(layer, x, rotations)
            space = self.space[number, :, : len(counts)]
            if aligned:
                space[0, :, :, self.ends[0]].copy_(keys)
                space[1, :, :, self.ends[0]].copy_(values)
            else:
                space[0][place, :, column] = keys
                space[1][place, :, column] = values
            x = model.mix(layer, x, look(queries, space))
        self.ends = [end + count for end, count in zip(self.ends, counts, strict=True)]
        return model.logits(x)

    def cut(self, row: int, count: int) -> None:
        self.ends[self.rows.index(row)] -= count

    def _drop(self, rows: Sequence[int]) -> None:
        """Move the rows together when a quarter of them is finished."""
        if 4 * len(rows) > 3 * len(self.rows):
            return
        places = [self.rows.index(row) for row in rows]
        first = min(self.starts[place] for place in places)
        end = max(self.ends[place] for place in places)
        for new, old in enumerate(places):
            if new != old:
                text = self.space[:, :, old, :, first:end]
                self.space[:, :, new, :, first:end].copy_(text)
        self.rows = list(rows)
        self.starts = [self.starts[place] for place in places]
        self.ends = [self.ends[place] for place in places]
        self._hide()

    def _hide(self) -> None:
        """Mask [rows * kv_heads, 1, columns] of what stands before each row's text."""
        starts = torch.tensor(self.starts, device=self.model.device)
        columns = torch.arange(self.space.shape[4], device=self.model.device)
        hidden = columns < starts.repeat_interleave(self.model.kv_heads)[:, None, None]
        self.early = minus_infinity(hidden, self.model.dtype)


def minus_infinity(which: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A mask to add: minus infinity where `which` is true."""
    return torch.zeros(which.shape, dtype=dtype, device=which.device).masked_fill_(
        which, float("-inf")
    )


class _Attention:
    """Attention of ragged chunks to the kept texts, by batched matrix products with masks."""

    def __init__(
        self,
        group: RaggedBatch,
        place: torch.Tensor,
        ahead: torch.Tensor,
        counts: Sequence[int],
    ) -> None:
        self.model, self.place, self.ahead = group.model, place, ahead
        self.width = max(counts)
        self.single = counts == [1] * len(counts)
        first = min(group.starts)
        last = max(end + count for end, count in zip(group.ends, counts, strict=True))
        self.columns = slice(first, last)
        self.early = group.early[:, :, self.columns]
        self.late = None
        if last - min(group.ends) > 1:
            ends = torch.tensor(group.ends, device=place.device)
            reach = ends[:, None] + torch.arange(self.width, device=place.device)
            columns = torch.arange(min(group.ends), last, device=place.device)
            late = minus_infinity(columns > reach[:, :, None], self.model.dtype)
            self.late = late[:, None, :, None]  # [rows, 1, width, 1, columns]

    def __call__(self, queries: torch.Tensor, space: torch.Tensor) -> torch.Tensor:
        """What `queries` [tokens, heads, size] find in a layer's `space`: [tokens, all heads]."""
        model, count, width = self.model, space.shape[1], self.width
        shape = (count, model.kv_heads, width * model.shared, model.head_size)
        if self.single:
            asked = queries.view(shape)
        else:
            padded = queries.new_zeros((count, width, model.heads, model.head_size))
            padded[self.place, self.ahead] = queries
            padded = padded.view(count, width, model.kv_heads, model.shared, model.head_size)
            asked = padded.transpose(1, 2).reshape(shape)
        keys, values = space.flatten(1, 2)[:, :, self.columns]
        asked = asked.flatten(0, 1)
        scores = torch.baddbmm(self.early, asked, keys.transpose(1, 2), alpha=model.scale)
        if self.late is not None:
            split = scores.view(count, model.kv_heads, width, model.shared, -1)
            split[..., -self.late.shape[-1] :].add_(self.late)
        found = torch.bmm(scores.softmax(-1), values)
        if self.single:
            return found.view(count, -1)
        found = found.view(count, model.kv_heads, width, -1).transpose(1, 2)
        return found.reshape(count, width, -1)[self.place, self.ahead]
