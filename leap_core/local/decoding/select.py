"""Choose the fastest decoder that computes exactly what a model computes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch

from leap_core.local.decoding.base import Decoder, TokenizedPrompt

_PROBE = 24


def decoder_of(model: Any, fused: bool = True) -> Decoder:
    """The fastest decoder that computes what the model computes; `fused` may be one."""
    from leap_core.local.decoding.llama import LlamaModel
    from leap_core.local.decoding.padded_batch import PaddedDecoder, keeps_whole_text
    from leap_core.local.decoding.prefix_cache import PrefixCacheDecoder
    from leap_core.local.decoding.unbatched import UnbatchedDecoder

    if fused:
        with suppress(AttributeError, ValueError):
            quick = PrefixCacheDecoder(LlamaModel(model))
            if matches_model(quick, model):
                return quick
    # What a model makes of rows that it was not written for may end in any error.
    with suppress(Exception):
        padded = PaddedDecoder(model)
        if keeps_whole_text(model) and matches_model(padded, model):
            return padded
    return UnbatchedDecoder(model)


@torch.inference_mode()
def matches_model(decoder: Decoder, model: Any) -> bool:
    """Whether a decoder's log-probabilities are the model's own, on a made-up text."""
    config = model.config.get_text_config()
    ids = (torch.arange(_PROBE) * 7919 + 11) % config.vocab_size
    own = model(input_ids=ids[None].to(model.device)).logits[0, -2:].float().log_softmax(-1)
    text = ids.tolist()
    turns = [
        TokenizedPrompt("probe", text[:9], text[9:-1]),
        TokenizedPrompt("shorter", text[:3], []),
    ]
    group = decoder.start(turns, 1)
    ours = torch.cat([group.logits[:1], group.feed([0], [text[-1:]])]).log_softmax(-1)
    for turn in turns:
        decoder.forget(turn.episode)
    exact = torch.finfo(model.dtype).bits >= 32
    return bool((own - ours).abs().max() <= (1e-3 if exact else 0.25))
