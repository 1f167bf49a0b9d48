"""From token rows to forward passes: what goes through the model together, and what comes out.

A batch of rows is worked through in as many passes as its tokens need; the gradient is the batch's,
however it is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from leap_core.training.block_attention import Blocks, blocks_of
from leap_core.training.packing import TokenRow


@dataclass(frozen=True)
class Microbatch:
    """One forward pass.

    Attributes:
        inputs: what the model is called with, but for `logits_to_keep`.
        columns: positions whose logits are computed, long [columns].
        where: index of each reply token's logits in the flattened [rows * columns], long [replies],
            or None where that is all of them in order.
        labels: the reply tokens, long [replies].
        branch: which branch of the pass each belongs to, long [replies].
        branches: number of branches.
        rows: index of every row in its batch.
    """

    inputs: dict[str, Any]
    columns: torch.Tensor
    where: torch.Tensor | None
    labels: torch.Tensor
    branch: torch.Tensor
    branches: int
    rows: tuple[int, ...]

    def to(self, device: torch.device) -> Microbatch:
        """The same on another device."""
        return Microbatch(
            {name: value.to(device) for name, value in self.inputs.items()},
            self.columns.to(device),
            None if self.where is None else self.where.to(device),
            self.labels.to(device),
            self.branch.to(device),
            self.branches,
            self.rows,
        )

    def logits(self, model: Any) -> torch.Tensor:
        """Logits of every reply token, float [replies, vocabulary]."""
        out = model(**self.inputs, use_cache=False, logits_to_keep=self.columns)
        flat = out.logits.flatten(0, 1)
        return (flat if self.where is None else flat[self.where]).float()


Collate = Callable[[Sequence[TokenRow], Sequence[int]], Microbatch]


def collate_shared(
    rows: Sequence[TokenRow], index: Sequence[int], flexible: bool = False
) -> Microbatch:
    """Rows one after another in one sequence, their trunks shared: [1, tokens]."""
    ids: list[int] = []
    positions: list[int] = []
    columns: list[int] = []
    labels: list[int] = []
    branch: list[int] = []
    count = 0
    for row in rows:
        ids += row.trunk
        positions += range(len(row.trunk))
        for one in row.branches:
            ids += one.tokens
            positions += range(one.visible, one.length)
            columns += range(len(ids) - one.reply - 1, len(ids) - 1)
            labels += one.tokens[len(one.tokens) - one.reply :]
            branch += [count] * one.reply
            count += 1
    blocks: Blocks = blocks_of(rows, flexible)
    inputs = {"input_ids": _long([ids]), "position_ids": _long([positions]), "blocks": blocks}
    return Microbatch(
        inputs, _long(columns), None, _long(labels), _long(branch), count, tuple(index)
    )


def collate_separate(rows: Sequence[TokenRow], index: Sequence[int], pad: int = 0) -> Microbatch:
    """Every branch a sequence of its own, right-padded: [branches, width]."""
    branches = [(row.trunk[: b.visible] + b.tokens, b.reply) for row in rows for b in row.branches]
    width = max(len(tokens) for tokens, _ in branches)
    ids = torch.full((len(branches), width), pad, dtype=torch.long)
    mask = torch.zeros((len(branches), width), dtype=torch.long)
    wanted = torch.zeros((len(branches), width), dtype=torch.bool)
    for at, (tokens, reply) in enumerate(branches):
        ids[at, : len(tokens)] = _long(tokens)
        mask[at, : len(tokens)] = 1
        wanted[at, len(tokens) - reply - 1 : len(tokens) - 1] = True
    columns = wanted.any(0).nonzero()[:, 0]
    where = wanted[:, columns].flatten().nonzero()[:, 0]
    at, column = wanted.nonzero(as_tuple=True)
    inputs = {"input_ids": ids, "attention_mask": mask}
    return Microbatch(inputs, columns, where, ids[at, column + 1], at, len(branches), tuple(index))


def split_into_microbatches(
    rows: Sequence[TokenRow], lay: Collate, cost: Callable[[TokenRow], int], budget: int, most: int
) -> list[Microbatch]:
    """Passes of at most `most` rows and, but for a single larger row, `budget` tokens."""
    passes: list[Microbatch] = []
    taken: list[int] = []
    spent = 0
    for index, row in enumerate(rows):
        size = cost(row)
        if taken and (spent + size > budget or len(taken) == most):
            passes.append(lay([rows[i] for i in taken], taken))
            taken, spent = [], 0
        taken.append(index)
        spent += size
    if taken:
        passes.append(lay([rows[i] for i in taken], taken))
    return passes


def _long(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.long)
