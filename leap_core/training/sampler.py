"""The order of training: batches of rows, the same for any number of processes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader, Sampler


class BatchSampler(Sampler[list[int]]):
    """Rows in a seeded order of each epoch, cut into batches.

    `sizes` says what each row counts for. There are as many batches as `batch_size` of that makes,
    and none is empty.
    """

    def __init__(self, sizes: Sequence[int], batch_size: int, seed: int) -> None:
        self.sizes = sizes
        self.seed = seed
        self.epoch = 0
        total = sum(sizes)
        self.count = max(1, min(len(sizes), -(-total // batch_size)))
        self.batch_size = batch_size if all(size == 1 for size in sizes) else total / self.count

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[int]]:
        order = list(range(len(self.sizes)))
        random.Random(f"{self.seed}:{self.epoch}").shuffle(order)
        batch: list[int] = []
        made, seen = 0, 0
        for position, row in enumerate(order):
            batch.append(row)
            seen += self.sizes[row]
            left, missing = len(order) - position - 1, self.count - made - 1
            if missing and (left == missing or seen >= (made + 1) * self.batch_size):
                yield batch
                batch, made = [], made + 1
        yield batch


class Loader(DataLoader[Any]):
    """Hands out lists of row numbers."""

    def __init__(self, batches: BatchSampler) -> None:
        super().__init__(range(len(batches.sizes)), batch_sampler=batches, collate_fn=list)
        self.batches = batches

    def set_epoch(self, epoch: int) -> None:
        self.batches.set_epoch(epoch)
