"""The leak audit over many reasons, of corrections and demonstrations: rates, and the worst."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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
    source: str = "correction"

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
        yield replace(a, worst=worst)


def audit_demonstrations(
    trajectories: Iterable[Trajectory], source: PrivilegedSource
) -> Iterator[Audited]:
    """Score the reason of every step; a trajectory without privileged state is left out."""
    for trajectory in trajectories:
        said = [
            Audited(trajectory.task.id, trajectory.seed, t, 0, step.reason, step.action, None,
                    source="demonstration")
            for t, step in enumerate(trajectory.steps)
        ]  # fmt: skip
        try:
            states = source.states(trajectory)
        except LeapError:
            continue
        yield from _scored(said, trajectory, states)


def audit_rows(
    rows: Iterable[Audited], trajectories: Iterable[Trajectory], source: PrivilegedSource
) -> Iterator[Audited]:
    """Score reasons that were exported; `trajectories` are those that they were cut from."""
    found: dict[tuple[str, int], list[Audited]] = {}
    for row in rows:
        found.setdefault((row.task_id, row.seed), []).append(row)
    for trajectory in trajectories:
        steps = len(trajectory.steps)
        key = (trajectory.task.id, trajectory.seed)
        mine = [row for row in found.pop(key, ()) if row.step < steps]
        if mine:
            try:
                states = source.states(trajectory)
            except LeapError:
                continue
            yield from _scored(mine, trajectory, states)


def rate_of(audited: Sequence[Audited], threshold: float) -> LeakRate | None:
    """Return the rate over all; None where there are none."""
    if not audited:
        return None
    leaking = sum(a.score >= threshold for a in audited)
    mean = sum(a.score for a in audited) / len(audited)
    return LeakRate(len(audited), leaking, mean, sum(not a.kept for a in audited))


def leak_rates(audited: Iterable[Audited], threshold: float) -> Mapping[int, LeakRate]:
    """Rates by level."""
    by_level: dict[int, list[Audited]] = {}
    for each in audited:
        by_level.setdefault(each.level, []).append(each)
    rates = {level: rate_of(group, threshold) for level, group in sorted(by_level.items())}
    return {level: rate for level, rate in rates.items() if rate is not None}


def worst_examples(audited: Iterable[Audited], count: int) -> list[Audited]:
    """The worst leaks, each secret at most once."""
    worst: dict[str, Audited] = {}
    for a in sorted(audited, key=lambda a: (-a.score, a.task_id, a.seed, a.step)):
        if a.worst is not None:
            worst.setdefault(a.worst.secret, a)
    return list(worst.values())[:count]
