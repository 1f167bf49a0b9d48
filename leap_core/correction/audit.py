"""The leak audit over many corrections: rates, and the worst examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from leap_core.contracts.privileged import PrivilegedSource
from leap_core.correction.history import history_of
from leap_core.correction.leaks import Leak, find_leaks
from leap_core.errors import LeapError
from leap_core.types import Correction, PrivilegedState, Rejection, Trajectory


@dataclass(frozen=True, slots=True)
class Audited:
    """One correction and the worst secret that it tells; `kept` is false for one dropped."""

    task_id: str
    seed: int
    step: int
    level: int
    reason: str
    action: str
    worst: Leak | None
    kept: bool = True

    @property
    def score(self) -> float:
        return self.worst.score if self.worst else 0.0


@dataclass(frozen=True, slots=True)
class LeakRate:
    """Of `count` corrections, `leaking` reached the threshold; `mean` is the mean score."""

    count: int
    leaking: int
    mean: float
    dropped: int

    @property
    def rate(self) -> float | None:
        """Share of corrections that leak; None where there are none."""
        return self.leaking / self.count if self.count else None


def audit(
    corrections: Iterable[Correction],
    rejections: Iterable[Rejection],
    trajectories: Iterable[Trajectory],
    source: PrivilegedSource,
    level: int,
) -> Iterator[Audited]:
    """Score corrections, and those rejected for leaking, anew from the trajectories.

    `level` is that of the rejected ones, whose records do not say it. A trajectory whose
    privileged state cannot be had is left out.
    """
    found: dict[tuple[str, int], list[Audited]] = {}
    for c in corrections:
        audited = Audited(c.task_id, c.seed, c.step, c.level, c.reason, c.action, None)
        found.setdefault((c.task_id, c.seed), []).append(audited)
    for r in rejections:
        if r.why.startswith("it leaks"):
            audited = Audited(r.task_id, r.seed, r.step, level, r.reason, r.action, None, False)
            found.setdefault((r.task_id, r.seed), []).append(audited)
    for trajectory in trajectories:
        mine = found.get((trajectory.task.id, trajectory.seed))
        if mine:
            try:
                states = source.states(trajectory)
            except LeapError:
                continue
            yield from _scored(mine, trajectory, states)


def _scored(
    mine: Sequence[Audited], trajectory: Trajectory, states: Sequence[PrivilegedState]
) -> Iterator[Audited]:
    for a in mine:
        text, secrets = f"{a.reason}\n{a.action}", states[a.step].secrets
        leaks = find_leaks(text, secrets, history_of(trajectory, a.step))
        worst = leaks[0] if leaks else None
        yield Audited(a.task_id, a.seed, a.step, a.level, a.reason, a.action, worst, a.kept)


def leak_rates(audited: Iterable[Audited], threshold: float) -> Mapping[int, LeakRate]:
    """Rates by level."""
    by_level: dict[int, list[Audited]] = {}
    for each in audited:
        by_level.setdefault(each.level, []).append(each)
    return {
        level: LeakRate(
            len(group),
            sum(a.score >= threshold for a in group),
            sum(a.score for a in group) / len(group),
            sum(not a.kept for a in group),
        )
        for level, group in sorted(by_level.items())
    }


def worst_examples(audited: Iterable[Audited], count: int) -> list[Audited]:
    """The worst leaks, each secret at most once."""
    worst: dict[str, Audited] = {}
    for a in sorted(audited, key=lambda a: (-a.score, a.task_id, a.seed, a.step)):
        if a.worst is not None:
            worst.setdefault(a.worst.secret, a)
    return list(worst.values())[:count]
