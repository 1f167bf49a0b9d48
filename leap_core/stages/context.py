"""The context that all stages of a run in one environment share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leap_core.config.identity import run_identity
from leap_core.config.schema import RunConfig
from leap_core.plugins.build import resumable_options
from leap_core.runs.folder import RunFolder
from leap_core.runs.ledger import Ledger, SpendingLimit
from leap_core.runs.progress import Screen
from leap_core.runs.stage import Stage
from leap_core.stages.components import Components


@dataclass(frozen=True)
class RunContext:
    """Configuration, components, folder, screen and ledger of a run in one environment.

    There is one ledger for the whole run, and so one budget, in however many environments.
    `label` names the environment in a run in several; it is "" in a run in one.
    """

    config: RunConfig
    components: Components
    folder: RunFolder
    screen: Screen
    ledger: Ledger
    label: str = ""

    @property
    def name(self) -> str:
        """Name of the environment, as examples carry it."""
        return self.label or self.config.environment.name

    @property
    def basis(self) -> list[object]:
        """Everything that all stages' records depend on."""
        return [identity_of(self.config), dict(self.components.environment.fingerprint())]

    def stage(self, iteration: int, name: str) -> Stage:
        """Return a stage of an iteration, with the hash of its inputs."""
        return self.folder.stage(iteration, name, [*self.basis, iteration, name])


def identity_of(config: RunConfig) -> dict[str, Any]:
    """Return what a resumed run must share with its records, as its components declare it."""
    return run_identity(config, resumable_options)


def spending_limit(config: RunConfig) -> SpendingLimit:
    """Return the budget of a configuration as the ledger takes it."""
    return SpendingLimit(config.budget.dollars, config.budget.tokens)
