"""The `litellm` teacher: any model that litellm reaches, or any OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from leap_core import (
    Brief,
    Judgement,
    PrivilegedState,
    Teacher,
    TeacherContext,
    TeacherReply,
    Trajectory,
    Usage,
)
from leap_teachers.client import Client
from leap_teachers.demonstrations import Describer, Explainer
from leap_teachers.judging import ReasonJudge
from leap_teachers.options import ClientOptions
from leap_teachers.pricing import likely_usage
from leap_teachers.prompts import Prompts
from leap_teachers.step_protocol import steps_asked
from leap_teachers.trajectory_protocol import Decoding, WholeTrajectory


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
        own = context.environment.teacher_prompts()
        decoding = Decoding(
            options.temperature, options.top_p, options.max_tokens, options.steps_per_call
        )
        prompts = Prompts(own, options.prompts)
        parts = (self._client, prompts, decoding)
        self._judge = ReasonJudge(self._client, prompts)
        self._protocol = WholeTrajectory(*parts)
        self._explainer = Explainer(*parts)
        self._describer = Describer(*parts)

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Ask the model about the trajectory."""
        return await self._protocol.correct(trajectory, states, brief)

    async def explain(self, trajectory: Trajectory, brief: Brief) -> TeacherReply:
        """Write reasons for a demonstration's actions."""
        return await self._explainer.explain(trajectory, brief)

    async def describe(self, trajectory: Trajectory) -> PrivilegedState:
        """Sum up a solved task's log as privileged state."""
        return await self._describer.describe(trajectory)

    async def judge(
        self, history: str, state: PrivilegedState, reason: str, action: str
    ) -> Judgement:
        """Ask whether a reason tells what is hidden."""
        return await self._judge.judge(history, state, reason, action)

    def estimate(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> Usage:
        """Measure the prompts, and guess at the answers."""
        requests = self._protocol.requests(trajectory, states, brief)
        answers = self._protocol.likely_answers(requests, len(steps_asked(trajectory, brief)))
        return likely_usage(requests, answers, self._client.pricing, self._client.count_tokens)

    async def aclose(self) -> None:
        """Close connections and the cache."""
        await self._client.aclose()
