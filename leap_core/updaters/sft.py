"""Supervised fine-tuning on aggregated examples, through trl and peft (paper, Algorithm 1)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from leap_core.config import Section
from leap_core.errors import MissingExtra, UpdateError
from leap_core.types import Example, PolicyRef
from leap_core.updater import UpdateContext, Updater


class LoraOptions(Section):
    """LoRA adapter; defaults are the paper's (App. D.1)."""

    r: int = Field(128, gt=0)
    alpha: int = Field(64, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)


class SFTOptions(Section):
    """Options of `sft`.

    Attributes:
        batch_size: rows per optimizer step (trajectories where `sharing` is "trunk").
        max_length: the most tokens of a row; longer rows are an error that names the fix.
        start: "previous" goes on from the last policy, "base" trains afresh on all data.
        sharing: "trunk" encodes each trajectory's trunk once (same loss and gradients), "none"
            trains on one row per step.
        lora: adapter options, or null for all weights.
    """

    epochs: float = Field(1.0, gt=0)
    batch_size: int = Field(64, gt=0)
    learning_rate: float = Field(3e-5, gt=0)
    warmup: float = Field(0.03, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    schedule: str = "cosine"
    max_length: int = Field(8000, gt=0)
    start: Literal["previous", "base"] = "base"
    sharing: Literal["trunk", "none"] = "none"
    lora: LoraOptions | None = LoraOptions()
    micro_batch_size: int = Field(8, gt=0)
    logging_steps: int = Field(10, gt=0)


class SFTUpdater(Updater):
    """Trains on the replies of all examples with trl's SFTTrainer."""

    Options = SFTOptions

    def update(
        self, policy: PolicyRef, examples: Sequence[Example], context: UpdateContext
    ) -> PolicyRef:
        if not examples:
            raise UpdateError("there is nothing to train on: no demonstrations and no corrections")
        try:
            from leap_core.updaters.training import train_sft
        except ImportError as error:
            raise MissingExtra("training", error.name or "trl", "leap-core[local]") from error
        start = policy if self.options.start == "previous" else context.base
        return train_sft(start, examples, self.options, context)


def rows_for(
    examples: Sequence[Example], encoder: Any, options: SFTOptions, seed: int
) -> list[dict[str, Any]]:
    """Token rows in the order of training.

    Raises:
        UpdateError: a row is longer than `max_length`.
    """
    from leap_core.examples.packing import packed_rows, separate_rows

    rows: list[dict[str, Any]]
    if options.sharing == "trunk":
        rows = [asdict(row) for row in packed_rows(examples, encoder, options.max_length)]
    else:
        rows = [dict(row) for row in separate_rows(examples, encoder)]
    too_long = [len(row["input_ids"]) for row in rows if len(row["input_ids"]) > options.max_length]
    if too_long:
        raise UpdateError(
            f"{len(too_long)} of {len(rows)} training rows are longer than max_length="
            f"{options.max_length} (the longest has {max(too_long)} tokens); raise "
            "updater.options.max_length, or lower rollouts.horizon"
        )
    random.Random(seed).shuffle(rows)
    return rows


def collator_for(options: SFTOptions, pad: int) -> Any:
    """The collator that fits the rows of `rows_for`."""
    from leap_core.updaters.collate import collate_packed, collate_separate

    return partial(collate_packed if options.sharing == "trunk" else collate_separate, pad=pad)


def in_folder(out_dir: Path, policy: PolicyRef, adapter: bool) -> PolicyRef:
    """Reference to what was saved under `out_dir`."""
    if adapter:
        return PolicyRef("transformers", policy.model, adapter=str(out_dir))
    return PolicyRef("transformers", str(out_dir))


def smoothed(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a trainer's log line that are worth keeping."""
    keep = {"loss", "grad_norm", "learning_rate", "epoch", "mean_token_accuracy"}
    return {k: float(v) for k, v in metrics.items() if k in keep}
