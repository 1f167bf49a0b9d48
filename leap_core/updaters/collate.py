"""Batches for the trainer: plain padded rows, or packed rows with their attention masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from leap_core.examples.packing import IGNORED


def collate_separate(rows: Sequence[dict[str, Any]], pad: int) -> dict[str, torch.Tensor]:
    """Right-pad {"input_ids", "labels"} rows to the longest: [rows, width]."""
    width = max(len(row["input_ids"]) for row in rows)
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for index, row in enumerate(rows):
        size = len(row["input_ids"])
        ids[index, :size] = torch.tensor(row["input_ids"])
        labels[index, :size] = torch.tensor(row["labels"])
        mask[index, :size] = 1
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def collate_packed(rows: Sequence[dict[str, Any]], pad: int) -> dict[str, torch.Tensor]:
    """Right-pad packed rows; the mask is bool [rows, 1, width, width], True where attended."""
    width = max(len(row["input_ids"]) for row in rows)
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED, dtype=torch.long)
    positions = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.eye(width, dtype=torch.bool).repeat(len(rows), 1, 1)
    for index, row in enumerate(rows):
        size = len(row["input_ids"])
        ids[index, :size] = torch.tensor(row["input_ids"])
        labels[index, :size] = torch.tensor(row["labels"])
        positions[index, :size] = torch.tensor(row["position_ids"])
        _mask(mask[index], row["trunk"], row["branches"])
    return {
        "input_ids": ids,
        "labels": labels,
        "position_ids": positions,
        "attention_mask": mask[:, None],
    }


def _mask(mask: torch.Tensor, trunk: int, branches: Sequence[Sequence[int]]) -> None:
    mask[:trunk, :trunk] = torch.ones((trunk, trunk), dtype=torch.bool).tril()
    for start, end, visible in branches:
        mask[start:end, :visible] = True
        size = end - start
        mask[start:end, start:end] = torch.ones((size, size), dtype=torch.bool).tril()
