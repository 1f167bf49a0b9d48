"""The contract of a privileged-state source: what the teacher may know and the student may not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from leap_core.contracts.environment import Environment
from leap_core.types import PrivilegedState, Trajectory


class PrivilegedSource(ABC):
    """Says what was true and hidden at every step of a trajectory (paper section 3.1).

    Built as `Source(options, environment)`. Three kinds exist: simulator state, evaluation
    criteria, human annotation.
    """

    Options: ClassVar[type[Any]]
    environments: ClassVar[Sequence[str]] = ()
    """Names of the environments it can serve; empty means any."""

    def __init__(self, options: Any, environment: Environment) -> None:
        self.options = options
        self.environment = environment

    @abstractmethod
    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """Return the state before each step: `len(states) == len(trajectory.steps)`.

        Usually found by opening the task again with the trajectory's seed and replaying its
        actions.

        Raises:
            leap_core.errors.LeapError: the state cannot be had for this trajectory.
        """
