"""The `constrained` teacher: a privileged expert held near what it would say without the state.

Paper Appendix B.2. At each step, replies are drawn with and without the privileged state, each is
scored in both contexts, and one is drawn from the reweighed set (`leap_teachers.reweighting`). It
needs log-likelihoods of given texts: a model in this process, or a server that returns
`prompt_logprobs` (vLLM).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from pydantic import Field, model_validator

from leap_core import (
    Brief,
    ConfigError,
    PolicyRef,
    PrivilegedState,
    Proposal,
    Section,
    Teacher,
    TeacherContext,
    TeacherError,
    TeacherReply,
    Trajectory,
    Usage,
)
from leap_teachers.local import LocalModel
from leap_teachers.model_io import Asker, Message, ModelRequest, Scorer
from leap_teachers.options import ClientOptions, Prices
from leap_teachers.pricing import Pricing, likely_usage
from leap_teachers.prompts import Prompts
from leap_teachers.reweighting import (
    Form,
    divergence,
    draw,
    draw_weights,
    effective_size,
    strength_for,
    tilt,
)
from leap_teachers.scoring import ScoringClient
from leap_teachers.step_protocol import read_step, step_messages, steps_asked

_ANSWER_TOKENS = 60


class ConstrainedOptions(Section):
    """Options of the `constrained` teacher.

    Attributes:
        model: folder or hub id of a model for this process, or with `api_base` the model's name at
            a vLLM server; by default the student itself.
        api_base: address of the server.
        samples: replies drawn with the state, and as many without it (N).
        strength: λ. Ignored where `target_kl` is given.
        target_kl: δ in nats: at each step the smallest λ is taken that keeps the KL within it.
        form: "product" reweighs as Eq. 17 is printed; "mean" as its Lagrangian solves. See
            `leap_teachers.reweighting`. With `target_kl` it is always "mean".
    """

    model: str | None = None
    api_base: str | None = None
    samples: int = Field(8, gt=0)
    strength: float = Field(1.0, ge=0)
    target_kl: float | None = Field(None, gt=0)
    form: Form = "product"
    max_tokens: int = Field(256, gt=0)
    batch: int = Field(16, gt=0)
    concurrency: int = Field(64, gt=0)
    timeout: float = Field(120.0, gt=0)
    prompts: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _server_needs_a_model(self) -> ConstrainedOptions:
        if self.api_base is not None and self.model is None:
            raise ValueError("'api_base' needs 'model', the model's name at that server")
        return self


_FEW_DRAWS = 2.0


class _Model(Asker, Scorer, Protocol):
    """Draws replies, and tells how likely they are."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """One step's result: the proposal, λ, the KL realised, and the effective number of draws."""

    proposal: Proposal | None
    strength: float
    kl: float
    effective: float
    usage: Usage


@dataclass(slots=True)
class _Drawn:
    """A distinct reply, and how often it was drawn from each context."""

    proposal: Proposal
    with_state: int = 0
    without: int = 0


class ConstrainedTeacher(Teacher):
    """Draws each correction from the reweighed replies.

    The reply's `measures` tell the mean KL to the unprivileged teacher over the steps ("kl", the
    δ of Theorem B.6, estimated on the drawn replies), the largest, the mean λ, and the effective
    number of draws that the choice rests on; a low one is told as a problem.

    Raises:
        ConfigError: a prompt template is not valid, or the student is a scripted policy.
    """

    Options = ConstrainedOptions

    def __init__(self, options: ConstrainedOptions, context: TeacherContext) -> None:
        super().__init__(options, context)
        own = context.environment.teacher_prompts()
        self._prompts = Prompts(own, options.prompts)
        student = context.student
        if options.model is None and student is not None and student.kind == "scripted":
            raise ConfigError(
                "the 'constrained' teacher cannot ask a scripted student: set 'model'"
            )

    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Draw a correction for each step."""
        asked = steps_asked(trajectory, brief)
        choices = [await self._choose(trajectory, states[t], brief, t) for t in asked]
        proposals = tuple(c.proposal for c in choices if c.proposal is not None)
        if asked and not proposals:
            raise TeacherError("no answer could be read: none names an action")
        usage = Usage()
        for choice in choices:
            usage += choice.usage
        unread = [t for t, c in zip(asked, choices, strict=True) if c.proposal is None]
        return TeacherReply(
            proposals=proposals,
            usage=usage,
            problems=tuple(f"step {t}: no answer names an action" for t in unread)
            + tuple(
                f"step {t}: the choice rests on {c.effective:.1f} effective draws"
                for t, c in zip(asked, choices, strict=True)
                if c.proposal is not None and c.effective < _FEW_DRAWS
            ),
            measures=_measures([c for c in choices if c.proposal is not None]),
        )

    def estimate(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> Usage:
        """Count the draws, with and without the state; scoring them comes on top, and is free."""
        requests = [
            request
            for step in steps_asked(trajectory, brief)
            for hidden in (states[step].text, "")
            for request in self._requests(
                step_messages(self._prompts, trajectory, step, hidden, brief)
            )
        ]
        answers = [_ANSWER_TOKENS] * len(requests)
        return likely_usage(requests, answers, Pricing(Prices(input=0, output=0)))

    async def aclose(self) -> None:
        """Free the model, or close connections."""
        if "_model" in self.__dict__:
            await self._model.aclose()

    # -- inside ----------------------------------------------------------------------------

    async def _choose(
        self, trajectory: Trajectory, state: PrivilegedState, brief: Brief, step: int
    ) -> _Choice:
        told = step_messages(self._prompts, trajectory, step, state.text, brief)
        untold = step_messages(self._prompts, trajectory, step, "", brief)
        drawn, usage = await self._draw(told, untold, step)
        if not drawn:
            return _Choice(None, 0.0, 0.0, 0.0, usage)
        texts = list(drawn)
        p = await self._model.log_likelihoods(told, texts)
        q = await self._model.log_likelihoods(untold, texts)
        strength, form = self.options.strength, self.options.form
        if self.options.target_kl is not None:
            strength, form = strength_for(p, q, self.options.target_kl), "mean"
        with_state = [drawn[text].with_state for text in texts]
        without = [drawn[text].without for text in texts]
        chances = draw_weights(p, q, with_state, without, strength, form)
        size = effective_size(chances, [a + b for a, b in zip(with_state, without, strict=True)])
        key = f"{self.context.seed} {trajectory.task.id} {trajectory.seed} {step}"
        chosen = drawn[texts[draw(chances, random.Random(key))]].proposal
        kl = divergence(tilt(p, q, strength, form), q)
        return _Choice(chosen, strength, kl, size, usage)

    async def _draw(
        self, told: tuple[Message, ...], untold: tuple[Message, ...], step: int
    ) -> tuple[dict[str, _Drawn], Usage]:
        """Draw replies with and without the state; return those that name an action."""
        requests = [*self._requests(told), *self._requests(untold)]
        usage = Usage()
        drawn: dict[str, _Drawn] = {}
        for number, answer in enumerate(await self._model.ask_all(requests)):
            usage += answer.usage
            proposal = read_step(answer.text, step) if answer.complete else None
            if proposal is not None:
                one = drawn.setdefault(answer.text, _Drawn(proposal))
                if number < self.options.samples:
                    one.with_state += 1
                else:
                    one.without += 1
        return drawn, usage

    def _requests(self, messages: tuple[Message, ...]) -> list[ModelRequest]:
        return [
            ModelRequest("correction", messages, self.options.max_tokens, 1.0, 1.0, sample=n)
            for n in range(self.options.samples)
        ]

    @cached_property
    def _model(self) -> _Model:
        options, context = self.options, self.context
        if options.api_base is not None:
            return self._server(options.model or "", options.api_base)
        if options.model is not None:
            policy = PolicyRef(kind="transformers", model=options.model)
        elif context.student is not None and context.student.kind == "transformers":
            policy = context.student
        elif context.student is not None and context.student.base_url is not None:
            return self._server(context.student.model, context.student.base_url)
        else:
            raise ConfigError("the 'constrained' teacher has no model to ask; set 'model'")
        return LocalModel(policy, context.ledger, options.batch, context.seed)

    def _server(self, model: str, address: str) -> ScoringClient:
        options = ClientOptions(
            model=f"hosted_vllm/{model}",
            api_base=address,
            concurrency=self.options.concurrency,
            timeout=self.options.timeout,
            prices=Prices(input=0, output=0),
        )
        return ScoringClient(options, self.context.ledger, self.context.cache_dir)


def _measures(choices: Sequence[_Choice]) -> dict[str, float]:
    if not choices:
        return {}
    kls = [c.kl for c in choices]
    sizes = [c.effective for c in choices]
    strengths = [c.strength for c in choices]
    return {
        "kl": sum(kls) / len(kls),
        "kl_max": max(kls),
        "lambda": sum(strengths) / len(strengths),
        "effective_draws": sum(sizes) / len(sizes),
    }
