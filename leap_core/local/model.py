"""Load a policy's model and tokenizer into this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from leap_core.config.schema import GenerationConfig
from leap_core.errors import PolicyError
from leap_core.local.adapters import check_base
from leap_core.types import PolicyRef


def load_model(policy: PolicyRef, generation: GenerationConfig | None = None) -> tuple[Any, Any]:
    """Load (model, tokenizer) of a policy; an adapter is merged in.

    Unless `generation` says otherwise, the weights go to a GPU as stored if there is one, else they
    are float32, since a CPU is slow at anything else.

    Raises:
        PolicyError: there is no such model, or it cannot be loaded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    generation = generation or GenerationConfig()
    device = device_of(generation)
    dtype: Any = "auto" if device == "cuda" else torch.float32
    if generation.dtype != "auto":
        dtype = getattr(torch, generation.dtype)
    chosen = {"attn_implementation": generation.attention} if generation.attention else {}
    folder = Path(policy.model)
    if folder.exists() and not (folder / "config.json").is_file():
        raise PolicyError(f"no model at '{folder}': the folder has no config.json")
    try:
        model = AutoModelForCausalLM.from_pretrained(policy.model, dtype=dtype, **chosen)
        tokenizer = AutoTokenizer.from_pretrained(policy.model)
        if policy.adapter is not None:
            from peft import PeftModel

            check_base(policy.adapter, policy.model)
            model = PeftModel.from_pretrained(model, policy.adapter).merge_and_unload()
    except PolicyError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise PolicyError(
            f"the student model '{policy.model}' cannot be loaded: {reason}"
        ) from error
    return model, tokenizer


def device_of(generation: GenerationConfig) -> str:
    there = torch.cuda.is_available()
    if generation.device == "cuda" and not there:
        raise PolicyError("generation.device is cuda, but torch sees no GPU here; use cpu or auto")
    return "cuda" if there and generation.device != "cpu" else "cpu"
