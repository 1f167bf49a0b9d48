"""The reward of InterCode-SQL: overlap of the rows, scaled by how well their order agrees.

Rows are compared as text. The overlap is intersection over union of the two bags of rows; where it
is not empty it is multiplied with Kendall's tau-b of the common rows in the two orders, and rounded
to two digits, unless tau is undefined (one common row, or all alike).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from typing import Any

Rows = list[tuple[Any, ...]]


def reward(agent: Rows | str | None, gold: Rows | str | None) -> float:
    """Return the reward of what the agent's last statement returned (rows, or an error's text).

    A gold query that fails counts as one without rows, as upstream counts it: an empty answer
    gets 1.
    """
    if not isinstance(agent, list):
        return 0.0
    gold = gold if isinstance(gold, list) else []
    ours, theirs = [str(row) for row in agent], [str(row) for row in gold]
    bag, other = Counter(ours), Counter(theirs)
    common, union = bag & other, bag | other
    if not union:
        return 1.0
    overlap = common.total() / union.total()
    if not common:
        return overlap
    tau = kendall(_keep(ours, common), _keep(theirs, common))
    return overlap if tau is None else round(tau * overlap, 2)


def _keep(rows: Sequence[str], common: Counter[str]) -> list[str]:
    """The common rows in this order; of equal rows, the first ones."""
    left = Counter(common)
    kept = []
    for row in rows:
        if left[row] > 0:
            left[row] -= 1
            kept.append(row)
    return kept


def kendall(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Kendall's tau-b between two lists of texts, place by place; None where it is undefined."""
    count = len(one)
    pairs = count * (count - 1) // 2
    ties_one, ties_other = _ties(one), _ties(other)
    if ties_one == pairs or ties_other == pairs:
        return None
    ties_both = _ties(list(zip(one, other, strict=True)))
    ordered = [b for _, b in sorted(zip(one, other, strict=True))]
    discordant = _inversions(ordered)[1]
    balance = pairs - ties_one - ties_other + ties_both - 2 * discordant
    tau = balance / sqrt(pairs - ties_one) / sqrt(pairs - ties_other)
    return max(-1.0, min(1.0, tau))


def _ties(items: Sequence[Any]) -> int:
    return sum(n * (n - 1) // 2 for n in Counter(items).values())


def _inversions(items: list[str]) -> tuple[list[str], int]:
    """The items sorted, and how many pairs stood in the wrong order (by merging)."""
    if len(items) < 2:
        return items, 0
    middle = len(items) // 2
    left, in_left = _inversions(items[:middle])
    right, in_right = _inversions(items[middle:])
    merged, swaps, taken = [], in_left + in_right, 0
    for item in left:
        while taken < len(right) and right[taken] < item:
            merged.append(right[taken])
            taken += 1
        swaps += taken
        merged.append(item)
    return merged + right[taken:], swaps
