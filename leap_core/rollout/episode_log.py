"""Where finished episodes go: one file in the order of the plan, whatever the order they end in.

Episodes that end before their turn wait in a hidden file beside it, so that nothing finished is
played again after a kill, and memory holds none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leap_core.errors import RunFolderError
from leap_core.rollout.scheduler import Assignment
from leap_core.runs.records import Records
from leap_core.types import Trajectory

_SYNC_EVERY = 1.0
"""Seconds: a disk takes milliseconds to make a record safe from a power cut, which adds up."""


class EpisodeLog:
    """The trajectories of a plan (assignments numbered 0, 1, …) in the file `path`.

    Raises:
        RunFolderError: the file holds episodes of another plan.
    """

    def __init__(self, path: Path, plan: Sequence[Assignment]) -> None:
        self.records = Records(path, Trajectory, _SYNC_EVERY)
        self.plan = plan
        self._early = Records(path.with_name(f".{path.name}.early"), Trajectory, _SYNC_EVERY)
        self._waiting: dict[int, int] = {}
        self.recorded = self.succeeded = 0
        self._read()

    def _read(self) -> None:
        """Find what an earlier sitting recorded."""
        self.records.repair()
        self._early.repair()
        for trajectory in self.records:
            if self.recorded == len(self.plan) or _key(trajectory) != self._wanted(self.recorded):
                raise RunFolderError(
                    f"'{self.records.path}' line {self.recorded + 1} is episode "
                    f"'{trajectory.task.id}' with seed {trajectory.seed}, which is not what is to "
                    "be played there; choose another file"
                )
            self.recorded += 1
            self.succeeded += trajectory.succeeded
        places = {self._wanted(a.index): a.index for a in self.plan[self.recorded :]}
        for offset, trajectory in self._early.offsets():
            if (place := places.get(_key(trajectory))) is not None:
                self._waiting[place] = offset
                self.succeeded += trajectory.succeeded
        self._flush()

    def _wanted(self, index: int) -> tuple[str, int]:
        return self.plan[index].task.id, self.plan[index].seed

    @property
    def done(self) -> int:
        """Episodes that need not be played any more."""
        return self.recorded + len(self._waiting)

    def missing(self) -> list[Assignment]:
        """What is still to be played."""
        return [a for a in self.plan[self.recorded :] if a.index not in self._waiting]

    def keep(self, assignment: Assignment, trajectory: Trajectory) -> None:
        """Record a finished episode; a kill loses none, a power cut those of the last second."""
        self.succeeded += trajectory.succeeded
        if assignment.index == self.recorded:
            self.records.append(trajectory)
            self.recorded += 1
            self._flush()
        else:
            self._waiting[assignment.index] = self._early.size()
            self._early.append(trajectory)

    def _flush(self) -> None:
        """Move those whose turn has come; the hidden file goes when nothing waits in it."""
        while self.recorded in self._waiting:
            self.records.append(self._early.at(self._waiting[self.recorded]))
            del self._waiting[self.recorded]
            self.recorded += 1
        if not self._waiting:
            self._early.path.unlink(missing_ok=True)
        if self.recorded == len(self.plan):
            if not self.plan and not self.records.path.exists():
                self.records.replace(())
            self.records.sync()


def _key(trajectory: Trajectory) -> tuple[str, int]:
    return trajectory.task.id, trajectory.seed
