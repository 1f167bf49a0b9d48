"""Scores of a policy: success, score and actions, with intervals, per task type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import sqrt
from typing import Any

from leap_core.types import Trajectory


@dataclass(frozen=True, slots=True)
class Group:
    """Scores of one group of episodes.

    Attributes:
        tasks: episodes counted; those that errored count as not succeeded.
        success: share of successes, with its 95 % Wilson interval.
        score: mean score.
        actions: mean number of actions; an episode that did not succeed counts as the horizon, as
            in the paper's tables.
        actions_if_success: mean over the successes only, None without any.
    """

    tasks: int
    succeeded: int
    errored: int
    success: float
    interval: tuple[float, float]
    score: float
    actions: float
    actions_if_success: float | None
    malformed: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores on one split, with all that is needed to compare them with others."""

    split: str
    horizon: int
    decoding: dict[str, Any]
    seed: int
    overall: Group
    by_type: dict[str, Group] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)


def evaluate(
    trajectories: Sequence[Trajectory],
    *,
    split: str,
    horizon: int,
    decoding: dict[str, Any],
    seed: int,
    engine: dict[str, Any] | None = None,
) -> Evaluation:
    """Score the trajectories of one policy on one split."""
    types = sorted({t.task.task_type for t in trajectories if t.task.task_type})
    by_type = {
        kind: _group([t for t in trajectories if t.task.task_type == kind], horizon)
        for kind in types
    }
    return Evaluation(
        split, horizon, decoding, seed, _group(trajectories, horizon), by_type, engine or {}
    )


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON-like values."""
    return asdict(evaluation)


def wilson(successes: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of a share (95 % by default); (0, 1) for no observations."""
    if total == 0:
        return (0.0, 1.0)
    share = successes / total
    denominator = 1 + z * z / total
    centre = share + z * z / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low, high = (centre - spread) / denominator, (centre + spread) / denominator
    return (max(0.0, low), min(1.0, high))


def _group(trajectories: Sequence[Trajectory], horizon: int) -> Group:
    wins = [t for t in trajectories if t.succeeded]
    lengths = [len(t.steps) if t.succeeded else horizon for t in trajectories]
    return Group(
        tasks=len(trajectories),
        succeeded=len(wins),
        errored=sum(t.outcome == "error" for t in trajectories),
        success=_mean(t.succeeded for t in trajectories),
        interval=wilson(len(wins), len(trajectories)),
        score=_mean(t.score for t in trajectories),
        actions=_mean(lengths),
        actions_if_success=_mean(len(t.steps) for t in wins) if wins else None,
        malformed=sum(t.malformed for t in trajectories),
    )


def _mean(values: Iterable[float]) -> float:
    numbers = [float(v) for v in values]
    return sum(numbers) / len(numbers) if numbers else 0.0
