"""Realizability: how likely the student itself finds what the teacher wrote.

A correction that the student could have come to by itself has a high likelihood under it; one that
leans on what it cannot see has a low one (paper sections 3.3 and 4.5). Measured in nats a token of
the reply, before the student was trained on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from leap_core.stages.engines import engine_of
from leap_core.types import Example, PolicyRef

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
    return summed_up(engine_of(policy).log_likelihoods(policy, examples))


def summed_up(values: Sequence[float]) -> Likelihoods | None:
    """Return mean and percentiles of some log-likelihoods; None for none."""
    if not values:
        return None
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else [values[0]] * 99
    return Likelihoods(len(values), fmean(values), tuple(cuts[level - 1] for level in LEVELS))
