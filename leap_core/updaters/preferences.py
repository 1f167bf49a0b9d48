"""Updaters that learn from corrections against what the student did: `dpo` and `kto`.

Both go on from the previous policy, which is also what they are held close to (the paper's online
mirror descent), and learn from the newest corrections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from leap_core.contracts.updater import UpdateContext
from leap_core.errors import UpdateError
from leap_core.training.options import TrainingOptions
from leap_core.training.packing import Target, Targets, chosen
from leap_core.types import Example
from leap_core.updaters.base import TrainingUpdater


class PreferenceOptions(TrainingOptions):
    """Options of updaters with a reference policy.

    Attributes:
        beta: how strongly the policy is held to its reference.
        data: learn from the corrections of the "latest" iteration, as in the paper, or of "all".
    """

    learning_rate: float = Field(5e-7, gt=0)
    start: Literal["previous"] = "previous"
    beta: float = Field(0.01, gt=0)
    data: Literal["latest", "all"] = "latest"


class PreferenceUpdater(TrainingUpdater):
    """Learns from corrections only."""

    options: PreferenceOptions
    needs_corrections = True

    def learns(self, example: Example) -> bool:
        """Whether a correction differs from what it corrects."""
        return example.rejected is not None and example.reply != example.rejected

    def wanted(self, examples: Sequence[Example], context: UpdateContext) -> Sequence[Example]:
        name = self.options.name
        corrected = [e for e in examples if e.source == "correction"]
        if self.options.data == "latest":
            corrected = [e for e in corrected if e.iteration == context.iteration]
        kept = [e for e in corrected if self.learns(e)]
        if len(kept) < len(corrected):
            same = len(corrected) - len(kept)
            context.say(f"  {same} corrections say what the student said: no preference in them")
        if not kept and context.iteration == 0:
            raise UpdateError(
                f"'{name}' learns from corrections and iteration 0 has none; set first_updater to "
                "clone demonstrations (name: sft), or demonstrations.tasks=0"
            )
        if not kept:
            context.say(f"  {name}: no corrections to learn from; the policy stays as it is")
        return self.even(kept, context)


class DPOOptions(PreferenceOptions):
    """Options of `dpo`; defaults are the paper's.

    Attributes:
        sft_weight: of the corrections' own negative log-likelihood a token, added to the loss: the
            loss of preferences alone can make both replies unlikely. The paper has none.
    """

    name: ClassVar[str] = "dpo"
    batch_size: int = Field(32, gt=0)
    sft_weight: float = Field(0.0, ge=0)


class DPOUpdater(PreferenceUpdater):
    """Prefers each correction to the student's own reply (direct preference optimisation)."""

    Options = DPOOptions
    options: DPOOptions

    def job(self, examples: Sequence[Example], context: UpdateContext) -> Any:
        from leap_core.training.dataset import TrainingJob
        from leap_core.training.losses import DPO

        return TrainingJob(DPO(self.options.beta, self.options.sft_weight), examples, pair)


class KTOOptions(PreferenceOptions):
    """Options of `kto`; defaults are the paper's.

    Attributes:
        desirable_weight, undesirable_weight: of corrections, and of the student's own replies. At
            weight 0 these are left out, which only saves time.
    """

    name: ClassVar[str] = "kto"
    desirable_weight: float = Field(1.0, ge=0)
    undesirable_weight: float = Field(0.0, ge=0)


class KTOUpdater(PreferenceUpdater):
    """Makes corrections likelier, and what they correct less likely, one reply at a time.

    Steps that the teacher confirmed count as corrections without anything to make less likely.
    """

    Options = KTOOptions
    options: KTOOptions

    def learns(self, example: Example) -> bool:
        confirmed = example.rejected is None and self.options.desirable_weight > 0
        return confirmed or super().learns(example)

    def job(self, examples: Sequence[Example], context: UpdateContext) -> Any:
        from leap_core.training.dataset import TrainingJob
        from leap_core.training.losses import KTO

        options = self.options
        method = KTO(options.beta, options.desirable_weight, options.undesirable_weight)
        return TrainingJob(method, examples, unpaired(examples, options))


def pair(example: Example) -> list[Target]:
    """The correction and the student's own reply, in this order."""
    assert example.rejected is not None
    return [*chosen(example), Target(example.prompt, example.rejected, "rejected")]


def unpaired(examples: Sequence[Example], options: KTOOptions) -> Targets:
    """Replies with a weight, and after each prompt another prompt's reply, to estimate the KL."""
    others = [*examples[1:], examples[0]]
    mismatched = {id(e): other.reply for e, other in zip(examples, others, strict=True)}

    def targets(example: Example) -> list[Target]:
        found = chosen(example) if options.desirable_weight else []
        if options.undesirable_weight and example.rejected is not None:
            found.append(pair(example)[1])
        return [*found, Target(example.prompt, mismatched[id(example)], "mismatched")]

    return targets
