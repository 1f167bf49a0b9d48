"""One update from start to end: load, lay out, train, save. Imports torch; loaded only to train."""

from __future__ import annotations

import errno
import json
import logging
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import disable_progress_bars
from peft import PeftModel
from transformers import PrinterCallback, TrainerCallback
from transformers import logging as transformers_logging
from trl import SFTConfig
from trl.trainer.utils import disable_dropout_in_model

from leap_core.errors import PolicyError, UpdateError
from leap_core.examples.packing import Targets, TokenRow, chosen, separate_rows, shared_rows
from leap_core.policy.encoding import PromptEncoder
from leap_core.types import Example, PolicyRef
from leap_core.updater import UpdateContext
from leap_core.updaters.loading import load_student, load_tokenizer
from leap_core.updaters.methods import Method
from leap_core.updaters.options import TrainingOptions
from leap_core.updaters.sharing import enable_sharing
from leap_core.updaters.trainer import Cut, Material, PassTrainer

log = logging.getLogger(__name__)

# Gives the model to distil from: (model under training, its base's reference) -> context manager.
TeacherMaker = Callable[[Any, PolicyRef], Any]


@dataclass(frozen=True)
class Job:
    """What one update is to do.

    Attributes:
        method: what is minimised.
        examples: what is learned from.
        targets: the replies of an example that take part.
        privileged: for distillation: the same examples as the privileged self reads them.
        teacher: for distillation: makes the model that reads them.
    """

    method: Method
    examples: Sequence[Example]
    targets: Targets = chosen
    privileged: Sequence[Example] = ()
    teacher: TeacherMaker | None = None


def train(
    start: PolicyRef, job: Job, options: TrainingOptions, context: UpdateContext
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
    trainer = _trainer(model, tokenizer, encoder, start, job, options, context)
    with _explained(options):
        trainer.train(resume_from_checkpoint=_checkpoint(context.work_dir))
    with _explained(options):
        return _save(trainer, tokenizer, start, context)


def _trainer(
    model: Any,
    tokenizer: Any,
    encoder: PromptEncoder,
    start: PolicyRef,
    job: Job,
    options: TrainingOptions,
    context: UpdateContext,
) -> PassTrainer:
    rows = rows_for(job, encoder, options, shared=options.sharing == "trunk", context=context)
    cut = Cut(False, False, tokenizer.pad_token_id or 0, options.token_budget,
              options.micro_batch_size)  # fmt: skip
    if options.sharing == "trunk":
        longest = max(row.longest for row in [*rows.rows, *rows.held_out])
        flexible, why = enable_sharing(model, longest)
        if why:
            context.say(
                f"  sharing: trunk cannot be had from this model ({why}); training on separate "
                "rows: the same result from more tokens"
            )
            rows = rows_for(job, encoder, options, shared=False, context=context)
        else:
            cut = Cut(True, flexible, cut.pad, cut.budget, cut.most)
    if not job.method.dropout:
        disable_dropout_in_model(model)
    teacher = job.teacher(model, start) if job.teacher else None
    trainer = PassTrainer(
        method=job.method,
        material=rows,
        cut=cut,
        teacher=teacher,
        memory=context.work_dir / "reference.json" if context.work_dir else None,
        model=model,
        args=_arguments(options, context),
        processing_class=tokenizer,
        data_collator=list,
        callbacks=[_Metrics(context)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def rows_for(
    job: Job,
    encoder: PromptEncoder,
    options: TrainingOptions,
    shared: bool,
    context: UpdateContext,
) -> Material:
    """Token rows in their order, the held-out ones apart.

    Raises:
        UpdateError: an example has an empty reply, or is longer than `max_length`.
    """
    examples = _fitting(job, encoder, options, context)
    held_out = _held_out([e for e, _ in examples], options.held_out, context.seed)
    parts: list[list[TokenRow]] = []
    for held in (False, True):
        mine = [(e, p) for e, p in examples if (e.trajectory in held_out) == held]
        for side in (0, 1):
            wanted = [pair[side] for pair in mine if pair[side] is not None]
            parts.append(_rows(wanted, encoder, options, shared, job.targets))
    train_rows, teacher, held_rows, held_teacher = parts
    if not train_rows:
        raise UpdateError("nothing is left to train on; lower updater.options.held_out")
    unit = options.unit
    sizes = [row.examples if unit == "examples" else 1 for row in train_rows]
    return Material(train_rows, held_rows, sizes, options.batch_size, teacher, held_teacher)


def _rows(
    examples: Sequence[Any],
    encoder: PromptEncoder,
    options: TrainingOptions,
    shared: bool,
    targets: Targets,
) -> list[TokenRow]:
    if shared:
        budget = max(options.token_budget, options.max_length)
        return list(shared_rows(examples, encoder, budget, targets))
    return list(separate_rows(examples, encoder, targets))


def _fitting(
    job: Job, encoder: PromptEncoder, options: TrainingOptions, context: UpdateContext
) -> list[tuple[Example, Example | None]]:
    """Examples with their privileged twins, where both are short enough."""
    twins: Sequence[Example | None] = job.privileged or [None] * len(job.examples)
    kept, lengths = [], []
    for example, twin in zip(job.examples, twins, strict=True):
        if any(not target.reply.strip() for target in job.targets(example)):
            raise UpdateError(
                f"an example has an empty reply (task '{example.task_id}', step {example.step}); "
                "remove it from the examples"
            )
        both = [example] if twin is None else [example, twin]
        longest = max(r.longest for r in separate_rows(both, encoder, job.targets))
        if longest <= options.max_length:
            kept.append((example, twin))
        else:
            lengths.append(longest)
    if lengths:
        told = (
            f"{len(lengths)} of {len(job.examples)} training rows are longer than "
            f"max_length={options.max_length} (the longest has {max(lengths)} tokens)"
        )
        if options.too_long == "error":
            raise UpdateError(
                f"{told}; raise updater.options.max_length, lower rollouts.horizon, or set "
                "updater.options.too_long=drop to leave them out"
            )
        context.say(f"  {told}: left out")
    return kept


def _held_out(examples: Sequence[Example], share: float, seed: int) -> set[Any]:
    """Trajectories that are not trained on."""
    keys = list(dict.fromkeys(e.trajectory for e in examples))
    if not share:
        return set()
    return set(random.Random(f"{seed}:held-out").sample(keys, max(1, round(share * len(keys)))))


def _arguments(options: TrainingOptions, context: UpdateContext) -> SFTConfig:
    cuda = torch.cuda.is_available()
    saves = context.work_dir is not None
    strategy = "epoch" if options.held_out else "steps" if saves else "no"
    return SFTConfig(
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
        report_to=list(options.report_to) or "none",
        disable_tqdm=True,
        logging_steps=options.logging_steps,
        logging_first_step=True,
    )


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
    trainer: PassTrainer, tokenizer: Any, start: PolicyRef, context: UpdateContext
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
        shutil.rmtree(out / "trainer", ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    if isinstance(trained, PeftModel):
        return PolicyRef("transformers", start.model, adapter=str(out))
    return PolicyRef("transformers", str(out))


class _explained:  # noqa: N801 - reads as what it is, a context
    """Turns what training and saving raise into one sentence with what to do."""

    def __init__(self, options: TrainingOptions) -> None:
        self.options = options

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, Exception) or isinstance(error, UpdateError):
            return
        why = " ".join(str(error).split())[:500] or type(error).__name__
        if isinstance(error, MemoryError) or _memory_full(why):
            hint = memory_hint(self.options)
            raise UpdateError(f"memory is full: {hint} ({why[:200]})") from error
        if _disk_full(error, why):
            raise UpdateError(
                f"the policy cannot be saved: {why}; free some space and run again, the last "
                "policy is untouched"
            ) from error
        raise UpdateError(f"training failed: {why}") from error


def _memory_full(why: str) -> bool:
    return any(words in why.lower() for words in ("out of memory", "can't allocate memory"))


def _disk_full(error: Exception, why: str) -> bool:
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    words = ("No space left", "File too large", "quota")
    return getattr(error, "errno", None) in codes or any(word in why for word in words)


def memory_hint(options: TrainingOptions) -> str:
    """What makes an update need less memory, of what is not in use yet."""
    hints = [f"lower updater.options.token_budget (now {options.token_budget})"]
    if options.sharing == "none":
        hints.append("set sharing: trunk")
        hints.append(f"lower micro_batch_size (now {options.micro_batch_size})")
    if options.lora is None:
        hints.append("train an adapter (lora)")
    elif options.quantize is None:
        hints.append("set quantize: 4bit")
    hints.append(f"lower max_length (now {options.max_length})")
    return ", or ".join(hints)


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

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self._tell(state, logs or {}, state.global_step)

    def _tell(self, state: Any, logs: Mapping[str, Any], step: int) -> None:
        metrics = smoothed(logs)
        if state.is_world_process_zero and ("loss" in metrics or "eval_loss" in metrics):
            self.context.log({"step": step, "steps": state.max_steps, **metrics})


__all__ = ["Job", "memory_hint", "rows_for", "train"]
