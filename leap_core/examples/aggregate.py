"""Aggregation over iterations: D_0 ∪ D_1 ∪ … ∪ D_i, as in follow-the-regularised-leader."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

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


def balanced(
    examples: Sequence[Example], share: float, seed: int, say: Callable[[str], None]
) -> list[Example]:
    """As many demonstrated trajectories as make at most `share` of the examples; says what it left.

    Corrections are all kept; where there are none, so are the demonstrations.
    """
    corrections = sum(e.source == "correction" for e in examples)
    allowed = corrections * share / (1 - share)
    if not corrections or len(examples) - corrections <= allowed:
        return list(examples)
    sizes = Counter(e.trajectory for e in examples if e.source == "demonstration")
    keys = list(sizes)
    random.Random(f"{seed}:balance").shuffle(keys)
    kept: set[object] = set()
    count = 0
    for key in keys:
        if count + sizes[key] <= allowed:
            kept.add(key)
            count += sizes[key]
    say(f"  {sum(sizes.values()) - count} demonstrated steps left out, so that they are at most "
        f"{share:.0%} of the examples")  # fmt: skip
    return [e for e in examples if e.source == "correction" or e.trajectory in kept]
