"""The `litellm` teacher: any model that litellm reaches, or any OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from leap_core import (
    Brief,
    PrivilegedState,
    Teacher,
    TeacherContext,
    TeacherReply,
    Trajectory,
)
from leap_teachers.client import Client
from leap_teachers.options import ClientOptions
from leap_teachers.prompts import Prompts
from leap_teachers.whole import Decoding, WholeTrajectory


class LitellmOptions(ClientOptions):
    """Options of the `litellm` teacher.

    Attributes:
        prompts: jinja2 templates that replace the package's, by name ("correct_system", …).
        steps_per_call: the most steps that one question is about.
    """

    prompts: dict[str, str] = Field(default_factory=dict)
    steps_per_call: int = Field(40, gt=0)


class LitellmTeacher(Teacher):
    """Corrects whole trajectories with one question each.

    Raises:
        ConfigError: the API key is missing, a prompt template is not valid, or there is a budget
            in money and no known price.
    """

    Options = LitellmOptions

    def __init__(self, options: LitellmOptions, context: TeacherContext) -> None:
        super().__init__(options, context)
        self._client = Client(options, context.ledger, context.cache_dir)
        own = getattr(context.environment, "teacher_prompts", {})
        self._protocol = WholeTrajectory(
            self._client,
            Prompts(own, options.prompts),
            Decoding(
                options.temperature, options.top_p, options.max_tokens, options.steps_per_call
            ),
        )

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Ask the model about the trajectory."""
        return await self._protocol.correct(trajectory, states, brief)

    async def aclose(self) -> None:
        """Close connections and the cache."""
        await self._client.aclose()
