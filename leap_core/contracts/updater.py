"""The contract of an updater: from training examples to the next policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from leap_core.types import Example, PolicyRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStep:
    """One step of the student's own rollouts, and what was hidden from it.

    Attributes:
        example: the student's own prompt and reply.
        state: the privileged state in words; never to be trained on, only for a teacher.
    """

    example: Example
    state: str


def _silent(text: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class UpdateContext:
    """What a run lends to its updater.

    Attributes:
        out_dir: empty folder for the new policy; moved into place only when `update` returns.
        base: the student that the run began with.
        iteration: 0 for behaviour cloning, then 1, 2, …
        seed: seed of this update.
        log: call with a mapping of metrics at every logging step; goes to metrics.jsonl and screen.
        work_dir: folder for what lets a killed update go on (checkpoints); it outlives a crash, and
            is removed when the update is done. None: nothing is kept.
        say: call with a line for the user.
        rollouts: gives this iteration's rollouts with the privileged state of every step, for
            updaters that are their own teacher; None where there are none.
        name: of this update, for tools that it reports to.
        reports_dir: folder for what such tools write to files; it stays. None: nothing is kept.
    """

    out_dir: Path
    base: PolicyRef
    iteration: int
    seed: int
    log: Callable[[Mapping[str, float]], None]
    work_dir: Path | None = None
    say: Callable[[str], None] = _silent
    rollouts: Callable[[], Sequence[RolloutStep]] | None = None
    name: str = "update"
    reports_dir: Path | None = None


class Updater(ABC):
    """Trains a policy. Built as `MyUpdater(options)`."""

    Options: ClassVar[type[Any]]
    needs_corrections: ClassVar[bool] = False
    """Whether it learns from (reply, rejected) pairs, and so from corrections only."""

    def __init__(self, options: Any) -> None:
        self.options = options

    def check(self) -> None:
        """Say now what `update` could not do later; called before a run writes or pays anything.

        Raises:
            leap_core.errors.LeapError: a package is missing, a file is not there, and the like.
        """

    @abstractmethod
    def update(
        self, policy: PolicyRef, examples: Sequence[Example], context: UpdateContext
    ) -> PolicyRef:
        """Train `policy` on `examples`, save the result under `context.out_dir`, return it.

        Paths in the returned reference that lie under `out_dir` follow the folder when it moves.

        Raises:
            leap_core.errors.UpdateError: no policy came of it.
        """
