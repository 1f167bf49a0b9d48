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
    shown = [e for e in examples if e.source == "demonstration"]
    corrections = len(examples) - len(shown)
    allowed = corrections * share / (1 - share)
    if not corrections or len(shown) <= allowed:
        return list(examples)
    kept = _drawn(shown, allowed, f"{seed}:balance")
    left = sum(e.trajectory not in kept for e in shown)
    say(f"  {left} demonstrated steps left out, so that they are at most "
        f"{share:.0%} of the examples")  # fmt: skip
    return [e for e in examples if e.source == "correction" or e.trajectory in kept]


def balanced_environments(
    examples: Sequence[Example], share: float, seed: int, say: Callable[[str], None]
) -> list[Example]:
    """As many trajectories as leave no environment more than `share` of the examples; says so.

    With a share that so many environments cannot all keep to, all become as small as the smallest.
    """
    sizes = Counter(e.environment for e in examples)
    most = _most(list(sizes.values()), max(share, 1 / max(1, len(sizes))))
    kept: set[object] = set()
    for name in sizes:
        own = [e for e in examples if e.environment == name]
        kept |= _drawn(own, most, f"{seed}:balance:{name}")
    result = [e for e in examples if e.trajectory in kept]
    now = Counter(e.environment for e in result)
    left = [f"{sizes[name] - now[name]} of {name}" for name in sizes if now[name] < sizes[name]]
    if left:
        say(f"  steps left out, so that no environment has over {share:.0%} of the examples: "
            f"{', '.join(left)}")  # fmt: skip
    return result


def _most(sizes: Sequence[int], share: float) -> int:
    """The largest cap on `sizes` under which none is more than `share` of their sum."""
    return next(
        cap
        for cap in range(max(sizes, default=0), -1, -1)
        if min(cap, max(sizes, default=0)) <= share * sum(min(size, cap) for size in sizes) + 1e-9
    )


def _drawn(examples: Sequence[Example], allowed: float, seed: str) -> set[object]:
    """Trajectories, drawn until `allowed` examples are reached; at least one."""
    sizes = Counter(e.trajectory for e in examples)
    if len(examples) <= allowed:
        return set(sizes)
    keys = list(sizes)
    random.Random(seed).shuffle(keys)
    kept: set[object] = set()
    count = 0
    for key in keys:
        if not kept or count + sizes[key] <= allowed:
            kept.add(key)
            count += sizes[key]
    return kept
