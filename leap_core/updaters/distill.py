"""On-policy self-distillation: the student learns what it would say if it saw what is hidden.

The teacher is the same model with the privileged state in its prompt. On the student's own
rollouts, at every token of its own replies, the student's distribution is drawn to the teacher's.
What is hidden stands in the teacher's prompts only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from leap_core.contracts.updater import RolloutStep, UpdateContext
from leap_core.errors import UpdateError
from leap_core.training.options import TrainingOptions
from leap_core.types import Example, PolicyRef, Prompt
from leap_core.updaters.base import TrainingUpdater


class DistillOptions(TrainingOptions):
    """Options of `distill`.

    Attributes:
        hint: what the teacher reads before the rest of the prompt's branch; `{state}` stands for
            the privileged state.
        teacher: the policy that the update began with, or the student as it is being trained.
        divergence: KL(teacher || student) is "forward", KL(student || teacher) "reverse".
        temperature: of both distributions.
    """

    name: ClassVar[str] = "distill"
    start: Literal["previous"] = "previous"
    hint: str = Field("Hidden facts, not to be mentioned: {state}\n", pattern=r"\{state\}")
    teacher: Literal["start", "live"] = "start"
    divergence: Literal["forward", "reverse"] = "forward"
    temperature: float = Field(1.0, gt=0)


class DistillUpdater(TrainingUpdater):
    """Draws the student to its privileged self; the teacher's corrections are not used."""

    Options = DistillOptions
    options: DistillOptions
    needs_corrections = True

    def wanted(self, examples: Sequence[Example], context: UpdateContext) -> Sequence[Example]:
        if context.rollouts is None:
            raise UpdateError(
                "'distill' learns from rollouts and their privileged state and here are none; set "
                "first_updater for iteration 0 (name: sft), and 'privileged' for later ones"
            )
        self.seen: Sequence[RolloutStep] = context.rollouts()
        if not self.seen:
            context.say("  distill: no well-formed step in the rollouts; the policy stays as it is")
        kept = {id(e) for e in self.even([one.example for one in self.seen], context)}
        self.seen = [one for one in self.seen if id(one.example) in kept]
        return [one.example for one in self.seen]

    def job(self, examples: Sequence[Example], context: UpdateContext) -> Any:
        from leap_core.training.dataset import TrainingJob
        from leap_core.training.losses import Distill

        options = self.options
        privileged = [self._told(one) for one in self.seen]
        method = Distill(options.divergence, options.temperature)
        maker = live if options.teacher == "live" else frozen
        return TrainingJob(method, examples, privileged=privileged, teacher=maker)

    def _told(self, one: RolloutStep) -> Example:
        hint = self.options.hint.replace("{state}", one.state)
        prompt = one.example.prompt
        return replace(one.example, prompt=Prompt(trunk=prompt.trunk, branch=hint + prompt.branch))


def live(model: Any, start: PolicyRef) -> Any:
    """The model as it is at that step."""

    @contextmanager
    def same(now: Any) -> Any:
        yield now

    return same


def frozen(model: Any, start: PolicyRef) -> Any:
    """The model as it was: without its new adapter, with its old one, or a copy of all weights."""
    from copy import deepcopy

    if not hasattr(model, "disable_adapter"):
        copy = deepcopy(model).requires_grad_(False)

        @contextmanager
        def copied(now: Any) -> Any:
            yield copy.to(next(now.parameters()).device)

        return copied
    if start.adapter is None:

        @contextmanager
        def bare(now: Any) -> Any:
            with model.disable_adapter():
                yield now

        return bare
    model.load_adapter(start.adapter, "teacher", is_trainable=False)
    trained = model.active_adapter

    @contextmanager
    def earlier(now: Any) -> Any:
        model.set_adapter("teacher", inference_mode=True)
        try:
            yield now
        finally:
            model.set_adapter(trained)

    return earlier
