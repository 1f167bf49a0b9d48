"""Loading the student to train: whole, under an adapter, or quantised under an adapter."""

from __future__ import annotations

import os
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from leap_core.errors import PolicyError, UpdateError
from leap_core.local.adapters import check_base, made_for
from leap_core.training.options import TrainingOptions
from leap_core.types import PolicyRef


def load_tokenizer(start: PolicyRef) -> Any:
    """The tokenizer of a policy.

    Raises:
        UpdateError: there is none.
    """
    try:
        return AutoTokenizer.from_pretrained(start.model)
    except Exception as error:
        raise UpdateError(
            f"the tokenizer of '{start.model}' cannot be loaded: {_why(error)}"
        ) from error


def load_student(start: PolicyRef, options: TrainingOptions) -> Any:
    """The model of `start`, ready to train.

    With `lora`, the policy's own adapter goes on being trained, or a new one is put on; without,
    an adapter is merged and all weights are trained.

    Raises:
        UpdateError: there is no such model, or the adapter was made for another one.
    """
    if start.kind != "transformers":
        raise UpdateError(
            f"a policy of kind '{start.kind}' has no weights to train; use the updater 'keep', or "
            "a student that is a model"
        )
    model = _load_model(start, options)
    if options.quantize:
        model = prepare_model_for_kbit_training(model)
    if start.adapter is not None:
        model = _with_adapter(model, start, trainable=options.lora is not None)
        return model if options.lora is not None else model.merge_and_unload()
    if options.lora is None:
        return model
    return get_peft_model(
        model,
        LoraConfig(
            r=options.lora.r,
            lora_alpha=options.lora.alpha,
            lora_dropout=options.lora.dropout,
            bias="none",
            task_type="CAUSAL_LM",
            target_modules="all-linear",
        ),
    )


def _load_model(start: PolicyRef, options: TrainingOptions) -> Any:
    # All weights are trained in float32, whatever they are stored in: steps smaller than
    # bfloat16's resolution would be lost. Under an adapter, a GPU holds them as stored.
    whole = options.lora is None or not torch.cuda.is_available()
    more: dict[str, Any] = {}
    if options.quantize:
        more["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=options.quantize == "4bit",
            load_in_8bit=options.quantize == "8bit",
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        more["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}
    try:
        return AutoModelForCausalLM.from_pretrained(
            start.model,
            attn_implementation="sdpa",
            dtype=torch.float32 if whole else "auto",
            **more,
        )
    except Exception as error:
        raise UpdateError(f"the model '{start.model}' cannot be loaded: {_why(error)}") from error


def _with_adapter(model: Any, start: PolicyRef, trainable: bool) -> Any:
    assert start.adapter is not None
    try:
        check_base(start.adapter, start.model)
        return PeftModel.from_pretrained(model, start.adapter, is_trainable=trainable)
    except PolicyError as error:
        raise UpdateError(str(error)) from error
    except Exception as error:
        base = made_for(start.adapter)
        made = f" (it was made for '{base}')" if base else ""
        raise UpdateError(
            f"the adapter '{start.adapter}'{made} does not fit '{start.model}': {_why(error)}"
        ) from error


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
