"""Whether a model can be trained on shared trunks; if not, why."""

from __future__ import annotations

from typing import Any

import torch

from leap_core.training.block_attention import NAME
from leap_core.training.microbatch import collate_separate, collate_shared
from leap_core.training.packing import Branch, TokenRow


def enable_sharing(model: Any, longest: int) -> tuple[bool, str]:
    """Switch `model` to block-wise attention, if it gives the same results with it.

    On CUDA FlexAttention is tried first. A model that cannot is left as it was.

    Returns:
        Whether FlexAttention is used, and why sharing is not possible ("" where it is).
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    why = _short_sight(base.config.get_text_config(), longest)
    if why:
        return False, why
    before = base.config._attn_implementation
    try:
        base.set_attn_implementation(NAME)
        cuda = next(base.parameters()).device.type == "cuda"
        for flexible in (True, False) if cuda else (False,):
            why = _difference(base, flexible)
            if not why:
                return flexible, ""
    except Exception as error:
        why = " ".join(str(error).split())[:200]
    base.set_attn_implementation(before)
    return False, why


def _short_sight(config: Any, longest: int) -> str:
    """Windows that would cut a row, and so change what its branches see."""
    for name in ("sliding_window", "attention_chunk_size"):
        size = getattr(config, name, None)
        if size and getattr(config, "use_sliding_window", True) and longest > size:
            return f"its layers see {size} tokens back ({name}) and the longest row has {longest}"
    return ""


@torch.no_grad()
def _difference(model: Any, flexible: bool) -> str:
    """Why shared and separate rows do not give the same logits; "" where they do."""
    rows = [
        TokenRow((5, 6, 7, 8, 9, 10), (Branch((3, 4, 9), 2, 3), Branch((3, 5, 6, 7), 3, 6)), 2),
        TokenRow((7, 6, 5), (Branch((8, 9), 1, 2),), 1),
    ]
    training = model.training
    device = next(model.parameters()).device
    model.eval()
    try:
        shared = collate_shared(rows, (0, 1), flexible).to(device).logits(model)
        model.set_attn_implementation("sdpa")
        separate = collate_separate(rows, (0, 1)).to(device).logits(model)
    except Exception as error:
        return " ".join(str(error).split())[:200]
    finally:
        model.set_attn_implementation(NAME)
        model.train(training)
    apart = float(torch.linalg.norm(shared - separate) / torch.linalg.norm(separate))
    tolerance = 1e-3 if next(model.parameters()).dtype == torch.float32 else 5e-2
    return "" if apart < tolerance else f"its results differ by {apart:.1%} with shared prefixes"
