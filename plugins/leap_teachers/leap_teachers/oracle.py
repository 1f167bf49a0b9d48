"""The `oracle` teacher: the environment's scripted privileged expert. Free, and needs no model."""

from __future__ import annotations

from collections.abc import Sequence

from leap_core import (
    Brief,
    ConfigError,
    PrivilegedState,
    Section,
    Teacher,
    TeacherContext,
    TeacherReply,
    Trajectory,
)


class OracleOptions(Section):
    """The oracle has no options."""


class OracleTeacher(Teacher):
    """Delegates to `Environment.expert()`.

    Raises:
        ConfigError: the environment has no scripted expert.
    """

    Options = OracleOptions

    def __init__(self, options: OracleOptions, context: TeacherContext) -> None:
        super().__init__(options, context)
        expert = context.environment.expert()
        if expert is None:
            raise ConfigError(
                f"the 'oracle' teacher asks the environment's scripted expert, and "
                f"{type(context.environment).__name__} has none; use another teacher, such as "
                "'litellm'"
            )
        self._expert = expert

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Return the expert's proposals for the steps asked about."""
        proposals = self._expert.correct(trajectory, states, brief.level)
        asked = range(len(trajectory.steps)) if brief.steps is None else brief.steps
        return TeacherReply(proposals=tuple(p for p in proposals if p.step in asked))
