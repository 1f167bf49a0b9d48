"""The contract of an updater: from training examples to the next policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from leap_core.types import Example, PolicyRef


@dataclass(frozen=True)
class UpdateContext:
    """What a run lends to its updater.

    Attributes:
        out_dir: empty folder for the new policy; moved into place only when `update` returns.
        base: the student that the run began with.
        iteration: 0 for behaviour cloning, then 1, 2, …
        seed: seed of this update.
        log: call with a mapping of metrics at every logging step; goes to metrics.jsonl and screen.
    """

    out_dir: Path
    base: PolicyRef
    iteration: int
    seed: int
    log: Callable[[Mapping[str, float]], None]


class Updater(ABC):
    """Trains a policy. Built as `MyUpdater(options)`."""

    Options: ClassVar[type[Any]]
    preferences: ClassVar[bool] = False
    """Whether it learns from (reply, rejected) pairs, and so from corrections only."""

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def update(
        self, policy: PolicyRef, examples: Sequence[Example], context: UpdateContext
    ) -> PolicyRef:
        """Train `policy` on `examples`, save the result under `context.out_dir`, return it.

        Paths in the returned reference that lie under `out_dir` follow the folder when it moves.

        Raises:
            leap_core.errors.UpdateError: no policy came of it.
        """
