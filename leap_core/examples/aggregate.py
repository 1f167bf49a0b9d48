"""Aggregation over iterations: D_0 ∪ D_1 ∪ … ∪ D_i, as in follow-the-regularised-leader."""

from __future__ import annotations

import random
from collections.abc import Sequence

from leap_core.types import Example


def aggregate(
    demonstrations: Sequence[Example],
    corrections: Sequence[Sequence[Example]],
    replay: int | None,
    seed: int,
) -> list[Example]:
    """All corrections of all iterations, and the demonstrations.

    `replay` keeps that many demonstrated *trajectories*, drawn anew from `seed`; None keeps all.
    """
    kept = list(demonstrations)
    if replay is not None:
        keys = list(dict.fromkeys(e.trajectory for e in demonstrations))
        chosen = set(random.Random(seed).sample(keys, min(replay, len(keys))))
        kept = [e for e in demonstrations if e.trajectory in chosen]
    return kept + [example for part in corrections for example in part]
