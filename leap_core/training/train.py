"""One update from start to end: load, lay out, train, save. Imports torch; loaded only to train."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from datasets import disable_progress_bars
from peft import PeftModel
from transformers import PrinterCallback, TrainerCallback
from transformers import logging as transformers_logging
from trl import SFTConfig
from trl.trainer.utils import disable_dropout_in_model

from leap_core.contracts.updater import UpdateContext
from leap_core.errors import PolicyError, UpdateError
from leap_core.local.adapters import write_base
from leap_core.local.tokenization import PromptEncoder
from leap_core.training.dataset import TrainingJob, rows_for
from leap_core.training.errors import explained_errors
from leap_core.training.model import load_student, load_tokenizer
from leap_core.training.options import TrainingOptions
from leap_core.training.prefix_sharing import enable_sharing
from leap_core.training.trainer import BatchLayout, MicrobatchTrainer
from leap_core.types import PolicyRef


def train(
    start: PolicyRef, job: TrainingJob, options: TrainingOptions, context: UpdateContext
) -> PolicyRef:
    """Train `start`; save weights or adapter and the tokenizer to `context.out_dir`.

    Raises:
        UpdateError: the model cannot be loaded, the rows do not fit, memory or disk is full.
    """
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    disable_progress_bars()
    torch.manual_seed(context.seed)
    model, tokenizer = load_student(start, options), load_tokenizer(start)
    try:
        encoder = PromptEncoder(tokenizer)
    except PolicyError as error:
        raise UpdateError(str(error)) from error
    with explained_errors(options):
        trainer = _trainer(model, tokenizer, encoder, start, job, options, context)
        trainer.train(resume_from_checkpoint=_checkpoint(context.work_dir))
        return _save(trainer, tokenizer, start, context)


def _trainer(
    model: Any,
    tokenizer: Any,
    encoder: PromptEncoder,
    start: PolicyRef,
    job: TrainingJob,
    options: TrainingOptions,
    context: UpdateContext,
) -> MicrobatchTrainer:
    rows = rows_for(job, encoder, options, shared=options.sharing == "trunk", context=context)
    cut = BatchLayout(False, False, tokenizer.pad_token_id or 0, options.token_budget,
              options.micro_batch_size)  # fmt: skip
    if options.sharing == "trunk":
        longest = max(row.longest for row in [*rows.rows, *rows.held_out])
        flexible, why = enable_sharing(_placed(model), longest)
        if why:
            context.say(
                f"  sharing: trunk cannot be had from this model ({why}); training on separate "
                "rows: the same result from more tokens"
            )
            rows = rows_for(job, encoder, options, shared=False, context=context)
        else:
            cut = BatchLayout(True, flexible, cut.pad, cut.budget, cut.most)
    if not job.method.dropout:
        disable_dropout_in_model(model)
    teacher = job.teacher(model, start) if job.teacher else None
    trainer = MicrobatchTrainer(
        method=job.method,
        material=rows,
        cut=cut,
        teacher=teacher,
        memory=context.work_dir / "reference.json" if context.work_dir else None,
        model=model,
        args=_arguments(options, context),
        processing_class=tokenizer,
        data_collator=list,
        callbacks=[_Metrics(context), *_reporters(options, context)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _placed(model: Any) -> Any:
    """The model where it will be trained, but for trainers that split it over processes."""
    split = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
    if torch.cuda.is_available() and not any(os.environ.get(name) == "true" for name in split):
        return model.to(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    return model


def _arguments(options: TrainingOptions, context: UpdateContext) -> SFTConfig:
    cuda = torch.cuda.is_available()
    saves = context.work_dir is not None
    strategy = "epoch" if options.held_out else "steps" if saves else "no"
    return _Arguments(
        output_dir=str(context.work_dir or context.out_dir / "trainer"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup,
        weight_decay=options.weight_decay,
        lr_scheduler_type=options.schedule,
        max_length=options.max_length,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        use_cpu=not cuda,
        bf16=cuda and torch.cuda.is_bf16_supported(),
        activation_checkpointing=cuda,
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=False,
        seed=context.seed,
        save_strategy=strategy,
        save_steps=options.checkpoint_steps,
        save_total_limit=2,
        eval_strategy="epoch" if options.held_out else "no",
        load_best_model_at_end=bool(options.held_out),
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        report_to=[tool for tool in options.report_to if tool != "tensorboard"] or "none",
        project="leap",
        run_name=f"{context.name}-{options.name}",
        disable_tqdm=True,
        logging_steps=options.logging_steps,
        logging_first_step=True,
    )


class _Arguments(SFTConfig):
    """A share of the steps is rounded up for warmup, and the first of these learns nothing."""

    def get_warmup_steps(self, num_training_steps: int) -> int:
        """At most all but one, so that an update of a single step learns something."""
        return min(int(super().get_warmup_steps(num_training_steps)), num_training_steps - 1)


def _reporters(options: TrainingOptions, context: UpdateContext) -> list[TrainerCallback]:
    """TensorBoard's event files lie in the run folder; the trainer would put them beside its
    checkpoints, which go when the update is done."""
    first = int(os.environ.get("RANK", "0")) == 0
    if "tensorboard" not in options.report_to or context.reports_dir is None or not first:
        return []
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations import TensorBoardCallback

    return [TensorBoardCallback(SummaryWriter(str(context.reports_dir / options.name)))]


def _checkpoint(work_dir: Path | None) -> str | None:
    """The newest checkpoint that was written to its end (its trainer_state.json comes last)."""
    if work_dir is None:
        return None
    found: dict[int, Path] = {}
    for path in work_dir.glob("checkpoint-*"):
        try:
            found[json.loads((path / "trainer_state.json").read_text())["global_step"]] = path
        except (OSError, ValueError, KeyError):
            shutil.rmtree(path, ignore_errors=True)
    return str(found[max(found)]) if found else None


def _save(
    trainer: MicrobatchTrainer, tokenizer: Any, start: PolicyRef, context: UpdateContext
) -> PolicyRef:
    out = context.out_dir
    trained = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(trained, PeftModel) and "teacher" in trained.peft_config:
        trained.delete_adapter("teacher")
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        trainer.save_model(str(out))
        (out / "training_args.bin").unlink(missing_ok=True)
    elif trainer.accelerator.is_main_process:
        trained.save_pretrained(out)
    if trainer.accelerator.is_main_process:
        tokenizer.save_pretrained(out)
        if isinstance(trained, PeftModel):
            write_base(out, start.model)
        shutil.rmtree(out / "trainer", ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    if isinstance(trained, PeftModel):
        return PolicyRef(kind="transformers", model=start.model, adapter=str(out))
    return PolicyRef(kind="transformers", model=str(out))


def smoothed(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a trainer's log line that are worth keeping."""
    keep = {"loss", "eval_loss", "grad_norm", "learning_rate", "epoch"}
    return {k: float(v) for k, v in metrics.items() if k in keep}


class _Metrics(TrainerCallback):
    """Hands every logging step to the run; after a resume also what was logged before."""

    def __init__(self, context: UpdateContext) -> None:
        self.context = context

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        for logs in state.log_history:
            self._tell(state, logs, logs.get("step", 0))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.context.log({"step": state.max_steps, "steps": state.max_steps})

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= state.max_steps and args.save_strategy == "steps":
            control.should_save = False  # the policy itself is written next

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self._tell(state, logs or {}, state.global_step)

    def _tell(self, state: Any, logs: Mapping[str, Any], step: int) -> None:
        metrics = smoothed(logs)
        if state.is_world_process_zero and ("loss" in metrics or "eval_loss" in metrics):
            self.context.log({"step": step, "steps": state.max_steps, **metrics})
