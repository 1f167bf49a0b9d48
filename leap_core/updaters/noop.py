"""The updater that trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leap_core.config.schema import Section
from leap_core.contracts.updater import UpdateContext, Updater
from leap_core.types import Example, PolicyRef


class KeepUpdater(Updater):
    """Returns the policy as it is: for scripted students and for collecting corrections only."""

    class Options(Section):
        """No options."""

    def update(
        self, policy: PolicyRef, examples: Sequence[Example], context: UpdateContext
    ) -> PolicyRef:
        metrics: dict[str, Any] = {"examples": len(examples)}
        context.log(metrics)
        return policy
