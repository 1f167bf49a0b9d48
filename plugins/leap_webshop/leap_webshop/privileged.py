"""What is true and hidden: what is wanted exactly, an example product, and what a step is worth.

For teachers and for the leak audit, never for a student.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from leap_core import Environment, PluginError, PrivilegedSource, PrivilegedState, Trajectory
from leap_webshop.appraiser import Appraiser
from leap_webshop.environment import WebshopEnvironment


class SourceOptions(BaseModel):
    """The source has no options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GoalSource(PrivilegedSource):
    """The goal behind an instruction, and what each product that is seen would bring."""

    Options = SourceOptions
    environments: ClassVar[Sequence[str]] = ("webshop",)

    def __init__(self, options: SourceOptions, environment: Environment) -> None:
        super().__init__(options, environment)
        if not isinstance(environment, WebshopEnvironment):
            raise PluginError(f"{type(self).__name__} serves the webshop environment only")
        self.webshop = environment

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """Replay the student's actions and describe what was true before each."""
        task = trajectory.task
        episode = self.webshop.open(task, trajectory.seed)
        appraiser = Appraiser(self.webshop, self.webshop.goal(task))
        states = []
        for step in trajectory.steps:
            states.append(appraiser.state(episode.session))
            if episode.session.receipt is None:
                episode.step(step.action)
        return states
