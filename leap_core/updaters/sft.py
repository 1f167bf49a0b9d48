"""Supervised fine-tuning on aggregated examples (paper, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from leap_core.contracts.updater import UpdateContext
from leap_core.training.options import LoraOptions, TrainingOptions
from leap_core.types import Example
from leap_core.updaters.base import TrainingUpdater

__all__ = ["LoraOptions", "SFTOptions", "SFTUpdater"]


class SFTOptions(TrainingOptions):
    """Options of `sft`."""

    name: ClassVar[str] = "sft"


class SFTUpdater(TrainingUpdater):
    """Trains on the replies of all examples."""

    Options = SFTOptions

    def job(self, examples: Sequence[Example], context: UpdateContext) -> object:
        from leap_core.training.dataset import TrainingJob
        from leap_core.training.losses import SFT

        return TrainingJob(SFT(), examples)
