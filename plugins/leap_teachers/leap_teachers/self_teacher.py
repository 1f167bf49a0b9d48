"""The `self` teacher: the student, told what is hidden, corrects itself (paper section 4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from pydantic import Field

from leap_core import (
    Brief,
    ConfigError,
    Judgement,
    PolicyRef,
    PrivilegedState,
    Section,
    Teacher,
    TeacherContext,
    TeacherReply,
    Trajectory,
    Usage,
)
from leap_teachers.client import Client
from leap_teachers.judging import ReasonJudge
from leap_teachers.local import LocalModel
from leap_teachers.model_io import Asker
from leap_teachers.options import ClientOptions, Prices
from leap_teachers.pricing import Pricing, likely_usage
from leap_teachers.prompts import Prompts
from leap_teachers.step_protocol import StepByStep, steps_asked
from leap_teachers.trajectory_protocol import Decoding, WholeTrajectory


class SelfOptions(Section):
    """Options of the `self` teacher.

    Attributes:
        mode: "whole" asks once for the whole trajectory, in JSON (as the paper does); "steps" asks
            about each step, answered in the student's own form: what a small student can do.
        max_tokens: the longest answer; by default 4096 in mode "whole" and 256 in mode "steps".
        batch: questions answered together by a student in this process.
        concurrency: questions under way at once to a student behind a server.
        prompts: jinja2 templates that replace the package's, by name.
    """

    mode: Literal["whole", "steps"] = "whole"
    temperature: float = Field(0.3, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int | None = Field(None, gt=0)
    batch: int = Field(16, gt=0)
    concurrency: int = Field(64, gt=0)
    timeout: float = Field(120.0, gt=0)
    steps_per_call: int = Field(40, gt=0)
    context_tokens: int | None = Field(None, gt=0)
    prompts: dict[str, str] = Field(default_factory=dict)


class SelfTeacher(Teacher):
    """The current student, in this process or behind its server.

    Raises:
        ConfigError: the student is a scripted policy, or a prompt template is not valid.
    """

    Options = SelfOptions

    def __init__(self, options: SelfOptions, context: TeacherContext) -> None:
        super().__init__(options, context)
        own = context.environment.teacher_prompts()
        self._prompts = Prompts(own, options.prompts)
        if context.student is not None and context.student.kind == "scripted":
            raise ConfigError(
                "the 'self' teacher asks the student, and a scripted policy has no words"
            )

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Ask the student about its trajectory."""
        return await self._protocol.correct(trajectory, states, brief)

    async def judge(
        self, history: str, state: PrivilegedState, reason: str, action: str
    ) -> Judgement:
        """Ask the student whether a reason tells what is hidden."""
        return await ReasonJudge(self._asker, self._prompts).judge(history, state, reason, action)

    def estimate(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> Usage:
        """Measure the prompts, and guess at the answers; the student's own tokens cost nothing."""
        steps = len(steps_asked(trajectory, brief))
        requests = self._protocol.requests(trajectory, states, brief)
        answers = self._protocol.likely_answers(requests, steps)
        return likely_usage(requests, answers, Pricing(Prices(input=0, output=0)))

    async def aclose(self) -> None:
        """Free the model, or close connections."""
        if "_asker" in self.__dict__:
            await self._asker.aclose()

    @cached_property
    def _protocol(self) -> WholeTrajectory | StepByStep:
        chosen = self.options
        whole = chosen.mode == "whole"
        decoding = Decoding(
            chosen.temperature,
            chosen.top_p,
            chosen.max_tokens or (4096 if whole else 256),
            chosen.steps_per_call,
        )
        kind = WholeTrajectory if whole else StepByStep
        return kind(self._asker, self._prompts, decoding)

    @cached_property
    def _asker(self) -> Asker:
        student = self.context.student
        if student is None:
            raise ConfigError("the 'self' teacher needs a student to ask")
        if student.kind == "server":
            options = server_options(student, self.options)
            return Client(options, self.context.ledger, self.context.cache_dir)
        return LocalModel(student, self.context.ledger, self.options.batch, self.context.seed)


def server_options(student: PolicyRef, options: SelfOptions) -> ClientOptions:
    """How a student behind an OpenAI-compatible server is reached; one's own server is free."""
    return ClientOptions(
        model=f"hosted_vllm/{student.model}",
        api_base=student.base_url,
        temperature=options.temperature,
        top_p=options.top_p,
        timeout=options.timeout,
        concurrency=options.concurrency,
        context_tokens=options.context_tokens,
        prices=Prices(input=0, output=0),
    )
