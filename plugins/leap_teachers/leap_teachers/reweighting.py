"""The arithmetic of the constrained privileged expert (paper Appendix B.2), on a set of replies.

With p = the teacher that sees the state and q = the same teacher without it, the constrained expert
is p · q^λ, normalised (Eq. 16). On the replies drawn from both it is the softmax of
log p + λ log q (Eq. 17).

Minimising KL(π ‖ p) + λ KL(π ‖ q), which Eq. 16 is meant to solve, gives that product raised to
1 / (1 + λ). The two agree at λ = 0. Only with the exponent does KL(π ‖ q) fall all the way to 0 as
λ grows; without it, π ends in the likeliest reply of q. `form` chooses: "product" is the paper's,
"mean" has the exponent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Literal

Form = Literal["product", "mean"]

_LARGEST = 1e6
_STEPS = 200


def tilt(
    with_state: Sequence[float], without: Sequence[float], strength: float, form: Form
) -> list[float]:
    """Return the tilted distribution on a set of replies, from their log-likelihoods and λ."""
    scale = 1.0 if form == "product" else 1.0 / (1.0 + strength)
    return softmax([scale * (p + strength * q) for p, q in zip(with_state, without, strict=True)])


def draw_weights(
    with_state: Sequence[float],
    without: Sequence[float],
    drawn_with: Sequence[int],
    drawn_without: Sequence[int],
    strength: float,
    form: Form,
) -> list[float]:
    """Return the probability of choosing each distinct reply among those that were drawn.

    Reply i has log-likelihoods `with_state[i]` and `without[i]`; it was drawn `drawn_with[i]` times
    from p and `drawn_without[i]` times from q. At λ = 0 the draws from p alone are chosen from, so
    that the choice has exactly p's distribution. Otherwise each draw weighs the tilted probability
    over its probability of being drawn from the mixture of both (the balance heuristic of Veach and
    Guibas 1995), which makes the choice the tilted distribution as the number of draws grows.
    """
    if strength == 0 and any(drawn_with):
        total = sum(drawn_with)
        return [count / total for count in drawn_with]
    scale = 1.0 if form == "product" else 1.0 / (1.0 + strength)
    share = sum(drawn_with) / (sum(drawn_with) + sum(drawn_without))
    logs = []
    for p, q, one, other in zip(with_state, without, drawn_with, drawn_without, strict=True):
        mixture = _log_sum(p + _log(share), q + _log(1 - share))
        logs.append(_log(one + other) + scale * (p + strength * q) - mixture)
    return softmax(logs)


def effective_size(chances: Sequence[float], counts: Sequence[int]) -> float:
    """Return the effective number of draws: 1 / Σ w² over single draws (Kish 1965)."""
    squares = (p * p / n for p, n in zip(chances, counts, strict=True) if n)
    return 1.0 / max(math.fsum(squares), 1e-300)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _log_sum(a: float, b: float) -> float:
    highest = max(a, b)
    return highest + math.log(math.exp(a - highest) + math.exp(b - highest))


def softmax(logs: Sequence[float]) -> list[float]:
    """Normalise log-weights."""
    highest = max(logs)
    weights = [math.exp(value - highest) for value in logs]
    total = sum(weights)
    return [weight / total for weight in weights]


def divergence(chances: Sequence[float], logs: Sequence[float]) -> float:
    """KL, in nats, of a distribution on the replies to the one with log-weights `logs`."""
    other = softmax(logs)
    terms = (
        p * (math.log(p) - math.log(max(q, 1e-300)))
        for p, q in zip(chances, other, strict=True)
        if p > 0
    )
    return max(0.0, math.fsum(terms))


def strength_for(with_state: Sequence[float], without: Sequence[float], target: float) -> float:
    """The smallest λ of form "mean" whose KL to the teacher without the state is at most `target`.

    This is the δ of Definition B.5. The KL falls as λ rises, so bisection finds it.
    """

    def excess(strength: float) -> float:
        return divergence(tilt(with_state, without, strength, "mean"), without) - target

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, 1.0
    while excess(high) > 0 and high < _LARGEST:
        low, high = high, high * 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return high


def draw(chances: Sequence[float], source: random.Random) -> int:
    """Draw the index of a reply."""
    return source.choices(range(len(chances)), weights=chances)[0]
