"""From a run folder to what a report shows. A run that is still going on is reported as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leap_core.config.schema import RunConfig
from leap_core.evaluation import Evaluation, best_of
from leap_core.runs.folder import open_run
from leap_core.runs.iteration import IterationFolder
from leap_core.runs.ledger import Call, Totals
from leap_core.runs.records import Records
from leap_core.types import Correction, Trajectory, Usage

EXAMPLES_PER_ITERATION = 2


@dataclass(frozen=True)
class RolloutCounts:
    """How the student fared on training tasks, before this iteration's update."""

    tasks: int
    succeeded: int
    errored: int


@dataclass(frozen=True)
class ShownCorrection:
    """A correction with what is needed to judge it."""

    goal: str
    observation: str
    correction: Correction


@dataclass(frozen=True)
class Iteration:
    """One iteration. None, or nothing, stands for what has not happened (yet).

    Attributes:
        rejections: how often each reason occurred.
        unanswered: failed trajectories for which the teacher gave no answer.
        usage: what the teacher used for the answers of this iteration.
    """

    number: int
    validation: Evaluation | None
    test: Evaluation | None
    rollouts: RolloutCounts | None
    asked: int
    corrections: int
    rejections: Mapping[str, int]
    unanswered: int
    usage: Usage
    examples: int
    shown: Sequence[ShownCorrection]


@dataclass(frozen=True)
class RunReport:
    """A whole run.

    Attributes:
        best: iteration of the best policy on validation so far; None before the first score.
        spending: totals of every model call, by (purpose, model).
    """

    name: str
    config: RunConfig
    manifest: Mapping[str, Any]
    iterations: Sequence[Iteration]
    best: int | None
    finished: bool
    spending: Mapping[tuple[str, str], Totals]


def collect(path: Path) -> RunReport:
    """Read the run folder `path`.

    Raises:
        RunFolderError: it is no run folder, or a record in it cannot be read.
    """
    folder = open_run(path)
    config = folder.config()
    iterations = [_iteration(iteration) for iteration in folder.iterations()]
    scored = [(i.number, i.validation) for i in iterations if i.validation]
    best = folder.best  # of several environments, one alone would not say which policy was best
    if best is None and scored:
        best = scored[best_of([e for _, e in scored])][0]
    return RunReport(
        name=folder.name,
        config=config,
        manifest=folder.manifest,
        iterations=iterations,
        best=best,
        finished=folder.best is not None,
        spending=_spending(folder.ledger),
    )


def _iteration(folder: IterationFolder) -> Iteration:
    answers = list(folder.teacher)
    corrections = list(folder.corrections)
    rollouts, shown = _rollouts(folder.rollouts, _chosen(corrections))
    return Iteration(
        number=folder.number,
        validation=folder.evaluation(),
        test=folder.evaluation("test"),
        rollouts=rollouts,
        asked=len(answers),
        corrections=len(corrections),
        rejections=Counter(_kind(r.why) for r in folder.rejected),
        unanswered=sum(a.error is not None for a in answers),
        usage=sum((a.usage for a in answers), Usage()),
        examples=folder.examples.count(),
        shown=shown,
    )


def _rollouts(
    rollouts: Records[Trajectory], chosen: Sequence[Correction]
) -> tuple[RolloutCounts | None, list[ShownCorrection]]:
    """Count outcomes, and find the steps of the chosen corrections, in one pass."""
    if not rollouts.path.exists():
        return None, []
    outcomes: Counter[str] = Counter()
    shown = []
    for trajectory in rollouts:
        outcomes[trajectory.outcome] += 1
        shown += [_shown(c, trajectory) for c in chosen if _is_of(c, trajectory)]
    return RolloutCounts(outcomes.total(), outcomes["success"], outcomes["error"]), shown


def _is_of(correction: Correction, trajectory: Trajectory) -> bool:
    return (correction.task_id, correction.seed) == (trajectory.task.id, trajectory.seed)


def _shown(correction: Correction, trajectory: Trajectory) -> ShownCorrection:
    observation = trajectory.steps[correction.step].observation
    return ShownCorrection(trajectory.task.goal, observation.text, correction)


def _chosen(corrections: Sequence[Correction]) -> list[Correction]:
    """A few corrections of the action, spread over the iteration."""
    changed = [c for c in corrections if c.action != c.student_action] or list(corrections)
    count = min(EXAMPLES_PER_ITERATION, len(changed))
    return [changed[(2 * i + 1) * len(changed) // (2 * count)] for i in range(count)]


def _kind(why: str) -> str:
    """A rejection's reason without its particulars: "it leaks (score 0.75)" is "it leaks"."""
    return re.sub(r"\s*\([^()]*\)$", "", why)


def _spending(calls: Iterable[Call]) -> dict[tuple[str, str], Totals]:
    spending: dict[tuple[str, str], Totals] = {}
    for call in calls:
        key = (call.purpose, call.model)
        spending[key] = spending.get(key, Totals()).plus(call)
    return spending


def reasons(iterations: Iterable[Iteration]) -> list[str]:
    """All reasons for rejections, the most frequent first."""
    counts: Counter[str] = Counter()
    for iteration in iterations:
        counts.update(iteration.rejections)
    return [reason for reason, _ in counts.most_common()]
