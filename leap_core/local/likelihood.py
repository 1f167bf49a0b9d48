"""Realizability: how likely the student itself finds what the teacher wrote.

A correction that the student could have come to by itself has a high likelihood under it; one that
leans on what it cannot see has a low one (paper sections 3.3 and 4.5). Measured in nats a token of
the reply, before the student was trained on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import Any

from leap_core.errors import ConfigError
from leap_core.types import Example, PolicyRef

_BATCH_TOKENS = 16_384
LEVELS = (5, 25, 50, 75, 95)
"""Percentiles that are reported."""


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """Summary of mean log-likelihoods a token: `percentiles` are those of `LEVELS`."""

    count: int
    mean: float
    percentiles: tuple[float, ...]


def realizability(policy: PolicyRef, examples: Sequence[Example]) -> Likelihoods | None:
    """Score the examples' replies under `policy` and sum up; None if there are none.

    Raises:
        ConfigError: the policy is no model in this process.
    """
    if policy.kind != "transformers":
        raise ConfigError(f"a {policy.kind} student tells no likelihoods")
    return summed_up(log_likelihoods(policy, examples))


def summed_up(values: Sequence[float]) -> Likelihoods | None:
    """Mean and percentiles of some log-likelihoods; None for none."""
    if not values:
        return None
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else [values[0]] * 99
    return Likelihoods(len(values), fmean(values), tuple(cuts[level - 1] for level in LEVELS))


def log_likelihoods(policy: PolicyRef, examples: Sequence[Example]) -> list[float]:
    """Mean log-likelihood (nats a token, the reply's end included) of each example's reply."""
    import torch

    from leap_core.local.engine import load_model
    from leap_core.local.tokenization import PromptEncoder

    model, tokenizer = load_model(policy)
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
    import torch

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
