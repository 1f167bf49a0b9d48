"""Log-likelihoods of replies under a model in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from leap_core.local.tokenization import PromptEncoder
from leap_core.types import Example

_BATCH_TOKENS = 16_384


def log_likelihoods(model: Any, tokenizer: Any, examples: Sequence[Example]) -> list[float]:
    """Return the mean log-likelihood (nats a token, its end included) of each example's reply."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device).eval()
    encoder = PromptEncoder(tokenizer)
    rows = [
        ([*encoder.trunk(e.prompt), *encoder.branch(e.prompt)], encoder.reply(e.reply))
        for e in examples
    ]
    scores = [0.0] * len(rows)
    with torch.inference_mode():
        for batch in _batches(rows):
            for index, score in zip(batch, _score(model, [rows[i] for i in batch]), strict=True):
                scores[index] = score
    return scores


def _score(model: Any, rows: Sequence[tuple[list[int], list[int]]]) -> list[float]:
    """One left-padded batch: replies end together, so only their logits are computed."""
    width = max(len(prompt) + len(reply) for prompt, reply in rows)
    longest = max(len(reply) for _, reply in rows)
    padded = [[0] * (width - len(p) - len(r)) + p + r for p, r in rows]
    holes = [[0] * (width - len(p) - len(r)) + [1] * (len(p) + len(r)) for p, r in rows]
    ids = torch.tensor(padded, device=model.device)
    mask = torch.tensor(holes, device=model.device)
    logits = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
        logits_to_keep=longest + 1,
    ).logits[:, :-1]
    chances = torch.log_softmax(logits.float(), -1)
    each = chances.gather(2, ids[:, -longest:, None])[:, :, 0]
    return [float(each[row, longest - len(reply) :].mean()) for row, (_, reply) in enumerate(rows)]


def _batches(rows: Sequence[tuple[list[int], list[int]]]) -> Iterator[list[int]]:
    """Indices of rows of like length, so that a batch holds about `_BATCH_TOKENS`."""
    batch: list[int] = []
    for index in sorted(range(len(rows)), key=lambda i: len(rows[i][0]) + len(rows[i][1])):
        size = len(rows[index][0]) + len(rows[index][1])
        if batch and (len(batch) + 1) * size > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
