"""What tokens cost. An unknown price is None, never 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from leap_core import Usage
from leap_teachers.litellm_setup import load_litellm
from leap_teachers.model_io import ModelRequest
from leap_teachers.options import ClientOptions, Prices

_TOKENS_PER_MESSAGE = 16
"""More than any chat template adds around a message."""

_BYTES_PER_TOKEN = 3.2
"""As measured on prompts of this package with the tokenizers of GPT-4o and Llama."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices of one model; `prices` is None where nobody knows them."""

    prices: Prices | None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """US dollars, or None."""
        if self.prices is None:
            return None
        total = prompt_tokens * self.prices.input + completion_tokens * self.prices.output
        return total / 1e6


def find_pricing(options: ClientOptions) -> Pricing:
    """Prices as stated in the options, else from litellm's table.

    The table is not asked about a server of one's own: what runs there may bear any name.
    """
    if options.prices is not None or options.api_base is not None:
        return Pricing(options.prices)
    entry = table_entry(options.model)
    asked, answered = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if asked is None or answered is None:
        return Pricing(None)
    return Pricing(Prices(input=float(asked) * 1e6, output=float(answered) * 1e6))


def table_entry(model: str) -> dict[str, Any]:
    """What litellm's table says about a model; empty if it is not there."""
    litellm = load_litellm()
    for name in (model, model.partition("/")[2]):
        if name in litellm.model_cost:
            return dict(litellm.model_cost[name])
    return {}


def most_tokens(size: int, messages: int, max_tokens: int) -> tuple[int, int]:
    """The most tokens (of the prompt, of the answer) that a request can come to.

    `size` is in bytes: no tokenizer in use makes more than one token of a byte.
    """
    return size + _TOKENS_PER_MESSAGE * (messages + 1), max_tokens


def likely_usage(
    requests: Sequence[ModelRequest],
    answers: Sequence[int],
    pricing: Pricing,
    count: Callable[[ModelRequest], int] | None = None,
) -> Usage:
    """A guess at what requests will use, given a guess at each answer's tokens.

    `count` tells a prompt's tokens; by default they are guessed from its length.
    """
    asked = sum(map(count or likely_tokens, requests))
    answered = sum(min(a, r.max_tokens) for a, r in zip(answers, requests, strict=True))
    return Usage(
        calls=len(requests),
        cached_calls=0,
        prompt_tokens=asked,
        completion_tokens=answered,
        cost=pricing.cost(asked, answered),
    )


def likely_tokens(request: ModelRequest) -> int:
    """A fair guess of a prompt's tokens, for planning only."""
    return int(request.size() / _BYTES_PER_TOKEN) + 1
