"""What all updaters that train have in common: where they start, and in which process they run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from leap_core.contracts.updater import UpdateContext, Updater
from leap_core.errors import MissingExtra, UpdateError
from leap_core.examples.aggregate import balanced, balanced_environments
from leap_core.training.launch import launch_options, launched
from leap_core.training.options import TrainingOptions
from leap_core.types import Example, PolicyRef
from leap_core.updaters.checks import check_options


class TrainingUpdater(Updater):
    """An updater that trains weights or an adapter."""

    options: TrainingOptions

    def check(self) -> None:
        check_options(self.options)

    @abstractmethod
    def job(self, examples: Sequence[Example], context: UpdateContext) -> Any:
        """What to train on; a `leap_core.training.dataset.TrainingJob`."""

    def wanted(self, examples: Sequence[Example], context: UpdateContext) -> Sequence[Example]:
        """The examples that this updater learns from."""
        if not examples:
            raise UpdateError("there is nothing to train on: no demonstrations and no corrections")
        share = self.options.demonstration_share
        if share is not None:
            examples = balanced(examples, share, context.seed, context.say)
        return self.even(examples, context)

    def even(self, examples: Sequence[Example], context: UpdateContext) -> Sequence[Example]:
        """The examples, with no environment above its share."""
        share = self.options.environment_share
        if share is None or not examples:
            return examples
        return balanced_environments(examples, share, context.seed, context.say)

    def update(
        self, policy: PolicyRef, examples: Sequence[Example], context: UpdateContext
    ) -> PolicyRef:
        chosen = launch_options(self.options)
        if chosen is not None:
            return launched(self, chosen, policy, examples, context)
        self.check()
        wanted = self.wanted(examples, context)
        if not wanted:
            return policy
        start = policy if self.options.start == "previous" else context.base
        try:
            from leap_core.training.train import train
        except ImportError as error:
            raise MissingExtra("training", error.name or "trl", "leap-core[local]") from error
        return train(start, self.job(wanted, context), self.options, context)
