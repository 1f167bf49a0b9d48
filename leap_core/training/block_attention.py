"""Block-wise attention over shared rows: a trunk is causal, a branch sees its prefix and itself.

Several rows stand one after another in one flattened sequence, so nothing is padded, and no block
that is masked as a whole is computed. On a CPU each trunk is one causal call and a few branches
together are another; on CUDA the same pattern is a block mask of FlexAttention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from leap_core.training.packing import TokenRow

NAME = "leap_blocks"
# Branches of up to so many tokens go into one call: more calls cost overhead, fewer cost attention
# from branch to branch that the mask throws away.
TOGETHER = 128


@dataclass(frozen=True)
class Chunk:
    """Queries [start, end) see keys [first, prefix) and themselves.

    Attributes:
        mask: bool [queries, prefix keys + queries], True where attended; None is plain causal
            attention without a prefix.
    """

    start: int
    end: int
    first: int
    prefix: int
    mask: torch.Tensor | None


@dataclass
class Blocks:
    """Who sees whom in one flattened sequence of rows.

    Attributes:
        chunks: the same for `scaled_dot_product_attention`, in the order of the sequence.
        owner, first, prefix: for FlexAttention, long [tokens]: a token sees keys in
            [first, prefix), and earlier ones of its own owner.
        flexible: whether to use FlexAttention.
    """

    chunks: list[Chunk]
    owner: torch.Tensor
    first: torch.Tensor
    prefix: torch.Tensor
    flexible: bool = False
    tokens: int = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = len(self.owner)

    def to(self, device: torch.device) -> Blocks:
        """The same on another device."""
        if self.owner.device == device:
            return self
        chunks = [
            Chunk(c.start, c.end, c.first, c.prefix, None if c.mask is None else c.mask.to(device))
            for c in ([] if self.flexible else self.chunks)
        ]
        owner, first, prefix = (t.to(device) for t in (self.owner, self.first, self.prefix))
        return Blocks(chunks, owner, first, prefix, self.flexible)

    @cached_property
    def flex_mask(self) -> Any:
        """The block mask of FlexAttention; made once for all layers."""
        from torch.nn.attention.flex_attention import create_block_mask

        owner, first, prefix = self.owner, self.first, self.prefix

        def seen(batch: Any, head: Any, query: Any, key: Any) -> Any:
            before = (key >= first[query]) & (key < prefix[query])
            return before | ((owner[key] == owner[query]) & (key <= query))

        return create_block_mask(
            seen, None, None, self.tokens, self.tokens, device=str(self.owner.device)
        )


def blocks_of(rows: Sequence[TokenRow], flexible: bool = False) -> Blocks:
    """The blocks of `rows`, laid out trunk, branches, trunk, branches …"""
    chunks: list[Chunk] = []
    owner: list[int] = []
    first: list[int] = []
    prefix: list[int] = []
    parts = 0
    for row in rows:
        start = len(owner)
        end = start + len(row.trunk)
        if row.trunk:
            chunks.append(Chunk(start, end, start, start, None))
        sizes = [(parts, len(row.trunk), 0)]
        sizes += [(parts + n, len(b.tokens), b.visible) for n, b in enumerate(row.branches, 1)]
        parts += len(sizes)
        for part, size, visible in sizes:
            owner += [part] * size
            first += [start] * size
            prefix += [start + visible] * size
        if not flexible:
            chunks += _branch_chunks(row, start, end)
    long = partial(torch.tensor, dtype=torch.long)
    return Blocks(chunks, long(owner), long(first), long(prefix), flexible)


def _branch_chunks(row: TokenRow, first: int, start: int) -> list[Chunk]:
    chunks = []
    branches = list(row.branches)
    while branches:
        taken = [branches.pop(0)]
        while branches and sum(len(b.tokens) for b in [*taken, branches[0]]) <= TOGETHER:
            taken.append(branches.pop(0))
        size = sum(len(b.tokens) for b in taken)
        prefix = max(b.visible for b in taken)
        mask = torch.zeros((size, prefix + size), dtype=torch.bool)
        at = 0
        for branch in taken:
            to = at + len(branch.tokens)
            mask[at:to, : branch.visible] = True
            mask[at:to, prefix + at : prefix + to] = _causal(to - at)
            at = to
        chunks.append(Chunk(start, start + size, first, first + prefix, mask))
        start += size
    return chunks


@lru_cache(maxsize=256)
def _causal(size: int) -> torch.Tensor:
    return torch.ones((size, size), dtype=torch.bool).tril()


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    blocks: Blocks | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function for transformers; `query` is [1, heads, tokens, size].

    Returns:
        Attention output [1, tokens, heads, size], and no weights.

    Raises:
        ValueError: the model asks for what this cannot do, or was not given `blocks`.
    """
    if blocks is None:
        raise ValueError("the model does not hand its attention what it is called with")
    if more.get("softcap") is not None or more.get("s_aux") is not None:
        raise ValueError("its attention has soft caps or sinks")
    if blocks.flexible:
        if dropout:
            raise ValueError("FlexAttention has no dropout")
        out = _flex()(
            query, key, value, block_mask=blocks.flex_mask, scale=scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        )  # fmt: skip
        return out.transpose(1, 2).contiguous(), None
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    outputs = []
    for c in blocks.chunks:
        keys, values = key[:, :, c.start : c.end], value[:, :, c.start : c.end]
        if c.mask is not None:
            keys = torch.cat([key[:, :, c.first : c.prefix], keys], 2)
            values = torch.cat([value[:, :, c.first : c.prefix], values], 2)
        queries, causal = query[:, :, c.start : c.end], c.mask is None
        outputs.append(
            scaled_dot_product_attention(
                queries, keys, values, c.mask, dropout, is_causal=causal, scale=scaling
            )
        )
    return torch.cat(outputs, 2).transpose(1, 2).contiguous(), None


@lru_cache(maxsize=1)
def _flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    # Without compilation it computes the whole matrix: right for a test, useless otherwise.
    return torch.compile(flex_attention) if torch.cuda.is_available() else flex_attention


def _no_mask(*args: Any, **more: Any) -> None:
    """The blocks are the mask; transformers is to make none."""


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, _no_mask)
