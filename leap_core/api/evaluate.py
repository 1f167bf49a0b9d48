"""`leap_core.evaluate`: score a policy from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leap_core.analysis.score import ScoreRequest, score
from leap_core.evaluation import Evaluation


def evaluate(
    run: str | Path | None = None,
    *,
    environment: str | None = None,
    policy: str | None = None,
    adapter: str | None = None,
    iteration: int | None = None,
    split: str | None = None,
    limit: int | None = None,
    tasks: Sequence[str] = (),
    seed: int | None = None,
    seeds: int = 1,
    out: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = True,
) -> Evaluation:
    """Play tasks with a policy and return its scores.

    Give a run folder (its best policy is played, or that of `iteration`), or an `environment` and a
    `policy` such as "scripted:explorer", a model folder or a server's address. `limit` takes an
    even spread of the split; `tasks` names single ones. `out` keeps the trajectories. `overrides`
    sets dotted keys of the configuration, such as `{"environment.options": {"games": "small"}}`.

    Raises:
        LeapError: as `leap evaluate`.
    """
    request = ScoreRequest(
        run=None if run is None else Path(run),
        iteration=iteration,
        policy=policy,
        adapter=adapter,
        environment=environment,
        keys=dict(overrides or {}),
        split=split,
        limit=limit,
        task_ids=tuple(tasks),
        seed=seed,
        seeds=seeds,
        out=None if out is None else Path(out),
    )
    return score(request, "evaluation", quiet).evaluation
