"""Running trl's SFTTrainer on LEAP's own token rows. Imports torch; loaded only to train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers import logging as transformers_logging
from trl import SFTConfig, SFTTrainer

from leap_core.errors import PolicyError, UpdateError
from leap_core.examples.packing import IGNORED
from leap_core.policy.encoding import PromptEncoder
from leap_core.types import Example, PolicyRef
from leap_core.updater import UpdateContext
from leap_core.updaters.sft import SFTOptions, collator_for, in_folder, rows_for, smoothed


def train_sft(
    start: PolicyRef, examples: Sequence[Example], options: SFTOptions, context: UpdateContext
) -> PolicyRef:
    """Train `start` on `examples`; save weights or adapter and the tokenizer to `out_dir`.

    Raises:
        UpdateError: the model cannot be loaded, or the trainer failed.
    """
    transformers_logging.disable_progress_bar()
    disable_progress_bars()
    torch.manual_seed(context.seed)
    try:
        model, tokenizer = _load(start, options)
        encoder = PromptEncoder(tokenizer)
    except PolicyError as error:
        raise UpdateError(str(error)) from error
    rows = rows_for(examples, encoder, options, context.seed)
    trainer = _Trainer(
        model=model,
        args=_arguments(options, context),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        data_collator=collator_for(options, tokenizer.pad_token_id or 0),
        callbacks=[_Metrics(context)],
    )
    trainer.remove_callback(PrinterCallback)
    try:
        trainer.train()
    except (RuntimeError, ValueError) as error:
        raise UpdateError(f"training failed: {' '.join(str(error).split())[:500]}") from error
    trained = trainer.model
    trained.save_pretrained(context.out_dir)
    tokenizer.save_pretrained(context.out_dir)
    return in_folder(context.out_dir, start, adapter=isinstance(trained, PeftModel))


def _load(start: PolicyRef, options: SFTOptions) -> tuple[Any, Any]:
    try:
        # All weights are trained in float32, whatever they are stored in: steps smaller than
        # bfloat16's resolution would be lost. Under an adapter, a GPU holds them as stored.
        whole = options.lora is None or not torch.cuda.is_available()
        model = AutoModelForCausalLM.from_pretrained(
            start.model,
            attn_implementation="sdpa",
            dtype=torch.float32 if whole else "auto",
        )
        tokenizer = AutoTokenizer.from_pretrained(start.model)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UpdateError(f"the model '{start.model}' cannot be loaded: {reason}") from error
    if start.adapter is not None:
        return PeftModel.from_pretrained(model, start.adapter, is_trainable=True), tokenizer
    if options.lora is not None:
        lora = LoraConfig(
            r=options.lora.r,
            lora_alpha=options.lora.alpha,
            lora_dropout=options.lora.dropout,
            bias="none",
            task_type="CAUSAL_LM",
            target_modules="all-linear",
        )
        model = get_peft_model(model, lora)
    return model, tokenizer


def _arguments(options: SFTOptions, context: UpdateContext) -> SFTConfig:
    cuda = torch.cuda.is_available()
    micro = min(options.micro_batch_size, options.batch_size)
    return SFTConfig(
        output_dir=str(context.out_dir / "trainer"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=max(1, round(options.batch_size / micro)),
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
        dataloader_pin_memory=cuda,
        seed=context.seed,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_steps=options.logging_steps,
        logging_first_step=True,
    )


class _Trainer(SFTTrainer):
    """SFTTrainer that computes logits only where there is something to learn.

    Prompts are most of the tokens. The loss is SFTTrainer's own: the mean over reply tokens.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        labels = inputs["labels"][:, 1:]
        wanted = (labels != IGNORED).any(0).nonzero()[:, 0]
        rest = {name: value for name, value in inputs.items() if name != "labels"}
        outputs = model(**rest, use_cache=False, logits_to_keep=wanted)
        loss = torch.nn.functional.cross_entropy(
            outputs.logits.float().flatten(0, 1),
            labels[:, wanted].flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        )
        count = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        loss = loss / torch.as_tensor(count, device=loss.device).clamp(min=1)
        return (loss, outputs) if return_outputs else loss


class _Metrics(TrainerCallback):
    """Hands every logging step to the run."""

    def __init__(self, context: UpdateContext) -> None:
        self.context = context

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.context.log({"step": state.max_steps, "steps": state.max_steps})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        metrics = smoothed(logs or {})
        if "loss" in metrics:
            self.context.log({"step": state.global_step, "steps": state.max_steps, **metrics})
