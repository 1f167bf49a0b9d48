"""Scores of a policy: success, score and actions, with intervals, per task type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import sqrt
from typing import Any

from leap_core.types import Trajectory


@dataclass(frozen=True, slots=True)
class GroupScores:
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
    """Scores on one split, with all that is needed to compare them with others.

    `seed` is the first seed; where tasks are played with several, `by_seed` has the scores of each.
    The interval over all of them takes episodes of one task for independent.
    """

    split: str
    horizon: int
    decoding: dict[str, Any]
    seed: int
    overall: GroupScores
    by_type: dict[str, GroupScores] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    by_seed: dict[str, GroupScores] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Score:
    """What scoring needs of a trajectory: small, so that many can be held."""

    task_type: str
    seed: int
    outcome: str
    score: float
    actions: int
    malformed: int

    @property
    def succeeded(self) -> bool:
        return self.outcome == "success"


def evaluate(
    trajectories: Iterable[Trajectory],
    *,
    split: str,
    horizon: int,
    decoding: dict[str, Any],
    seed: int,
    engine: dict[str, Any] | None = None,
) -> Evaluation:
    """Score the trajectories of one policy on one split."""
    scores = [
        _Score(t.task.task_type, t.seed, t.outcome, t.score, len(t.steps), t.malformed)
        for t in trajectories
    ]
    types = sorted({s.task_type for s in scores if s.task_type})
    by_type = {k: _group([s for s in scores if s.task_type == k], horizon) for k in types}
    seeds = sorted({s.seed for s in scores})
    by_seed = {str(k): _group([s for s in scores if s.seed == k], horizon) for k in seeds}
    return Evaluation(
        split, horizon, decoding, seed, _group(scores, horizon), by_type, engine or {},
        by_seed if len(seeds) > 1 else {},
    )  # fmt: skip


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
    # At the ends the bound is the share itself, which rounding would miss.
    low = (centre - spread) / denominator if successes else 0.0
    high = (centre + spread) / denominator if successes < total else 1.0
    return (low, high)


def _group(scores: Sequence[_Score], horizon: int) -> GroupScores:
    wins = [s for s in scores if s.succeeded]
    lengths = [s.actions if s.succeeded else horizon for s in scores]
    return GroupScores(
        tasks=len(scores),
        succeeded=len(wins),
        errored=sum(s.outcome == "error" for s in scores),
        success=_mean(s.succeeded for s in scores),
        interval=wilson(len(wins), len(scores)),
        score=_mean(s.score for s in scores),
        actions=_mean(lengths),
        actions_if_success=_mean(s.actions for s in wins) if wins else None,
        malformed=sum(s.malformed for s in scores),
    )


def _mean(values: Iterable[float]) -> float:
    numbers = [float(v) for v in values]
    return sum(numbers) / len(numbers) if numbers else 0.0


def best_of(*environments: Sequence[Evaluation]) -> int:
    """Return the index of the best policy: highest success, then score, fewest actions, earliest.

    Each argument holds one environment's scores of all policies, in order; where there are several
    environments, the means over them count (line 6 of Algorithm 1).
    """

    def key(i: int) -> tuple[float, float, float, int]:
        groups = [evaluations[i].overall for evaluations in environments]
        means = [
            sum(values) / len(groups)
            for values in zip(*((g.success, g.score, -g.actions) for g in groups), strict=True)
        ]
        return (means[0], means[1], means[2], -i)

    return max(range(len(environments[0])), key=key)
