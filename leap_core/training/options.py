"""Options that all updaters which train have in common, and the paper's values by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from leap_core.config.option_types import resumable
from leap_core.config.schema import Section
from leap_core.errors import unknown

PAPER: dict[str, tuple[str, dict[str, Any]]] = {
    "paper/alfworld": ("sft", {"batch_size": 64, "max_length": 8000, "epochs": 1}),
    "paper/webshop": ("sft", {"batch_size": 16, "max_length": 6000, "epochs": 1}),
    "paper/intercode": ("sft", {"batch_size": 16, "max_length": 6000, "epochs": 5}),
    "paper/dpo": ("dpo", {"batch_size": 32, "max_length": 8000, "epochs": 1, "beta": 0.01}),
    "paper/kto": ("kto", {"batch_size": 64, "max_length": 8000, "epochs": 1, "beta": 0.01}),
}
"""Presets: the updater that each is for, and its values (paper, App. D.1)."""

_ALWAYS = {
    "sft": {"learning_rate": 3e-5},
    "dpo": {"learning_rate": 5e-7},
    "kto": {"learning_rate": 5e-7, "desirable_weight": 1.0, "undesirable_weight": 0.0},
}
_LORA = {"r": 128, "alpha": 64, "dropout": 0.05}


class LoraOptions(Section):
    """LoRA adapter; defaults are the paper's (App. D.1)."""

    r: int = Field(128, gt=0)
    alpha: int = Field(64, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)


class LaunchOptions(Section):
    """Training in processes of its own.

    Attributes:
        processes: how many on this machine, one a GPU.
        accelerate_config: file of `accelerate config` (FSDP, DeepSpeed, several machines); the
            job is then started by `accelerate launch`, which reads the number of processes there.
        environment: variables to set for the job.
    """

    processes: int = Field(1, gt=0)
    accelerate_config: str | None = None
    environment: dict[str, str] = Field(default_factory=dict)


class TrainingOptions(Section):
    """Options of every updater that trains.

    Attributes:
        preset: start from the paper's values of this name; keys given beside it override it.
        batch_size: rows per optimizer step; what a row is says `batch_of`.
        batch_of: "examples", one a corrected step, or whole "trajectories". Where `sharing` is
            "trunk", a batch of examples is cut where a trajectory ends. By default trajectories
            with `sharing: trunk` and examples without.
        token_budget: the most tokens of one forward pass. A larger batch takes several passes;
            this changes memory and speed, never the result.
        micro_batch_size: the most rows of one forward pass.
        max_length: the most tokens of one prompt with its reply.
        too_long: longer ones are an error that names the fix, or are left out and counted.
        start: "previous" goes on from the last policy, "base" trains afresh on all data.
        sharing: "trunk" encodes each trajectory's trunk once (same loss and gradients), "none"
            one row per reply.
        lora: adapter options, or null for all weights.
        quantize: hold the base under the adapter in 4 or 8 bits (QLoRA; needs bitsandbytes).
        held_out: share of the trajectories that is held out; its loss is logged each epoch, and
            the weights of the epoch where it was least are kept.
        demonstration_share: where demonstrations are more than this share of the examples, draw as
            many as make it; null takes all, as the paper does.
        environment_share: in a run in several environments, draw as many trajectories of each as
            leave none more than this share of the examples; null takes all.
        checkpoint_steps: optimizer steps between checkpoints to go on from after a crash.
        report_to: also report to "wandb", "tensorboard" or "trackio".
        launch: train in processes of its own, or "never"; by default one for each GPU there is,
            and without GPUs in this process.
    """

    name: ClassVar[str] = ""

    preset: str | None = None
    epochs: float = Field(1.0, gt=0)
    batch_size: int = Field(64, gt=0)
    batch_of: Literal["examples", "trajectories"] | None = None
    learning_rate: float = Field(3e-5, gt=0)
    warmup: float = Field(0.03, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    schedule: str = "cosine"
    max_length: int = Field(8000, gt=0)
    too_long: Literal["error", "drop"] = "error"
    start: Literal["previous", "base"] = "base"
    sharing: Literal["trunk", "none"] = "none"
    lora: LoraOptions | None = LoraOptions()
    quantize: Literal["4bit", "8bit"] | None = None
    token_budget: int = resumable(16384, gt=0)
    micro_batch_size: int = resumable(8, gt=0)
    held_out: float = Field(0.0, ge=0, lt=1)
    demonstration_share: float | None = Field(None, gt=0, lt=1)
    environment_share: float | None = Field(None, gt=0, lt=1)
    checkpoint_steps: int = resumable(200, gt=0)
    report_to: tuple[Literal["wandb", "tensorboard", "trackio"], ...] = resumable(())
    logging_steps: int = resumable(10, gt=0)
    launch: LaunchOptions | Literal["never"] | None = resumable(None)

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("preset") is None:
            return values
        return {**preset(values["preset"], cls.name), **values}

    @model_validator(mode="after")
    def _fits(self) -> TrainingOptions:
        if self.quantize and self.lora is None:
            raise ValueError("quantized weights cannot be trained: quantize needs lora")
        return self

    @property
    def unit(self) -> str:
        """What `batch_size` counts."""
        return self.batch_of or ("trajectories" if self.sharing == "trunk" else "examples")


def preset(name: str, updater: str) -> dict[str, Any]:
    """The values of a preset.

    Raises:
        ValueError: no such preset, or one for another updater.
    """
    if name not in PAPER:
        raise ValueError(unknown("preset", name, PAPER))
    owner, values = PAPER[name]
    if owner != updater:
        raise ValueError(f"preset '{name}' is for the updater '{owner}', not '{updater}'")
    common = {"lora": _LORA, "schedule": "cosine", "batch_of": "examples"}
    return {**common, **_ALWAYS[owner], **values}
