"""The context that all stages of a run in one environment share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from leap_core.config.identity import run_identity
from leap_core.config.schema import RunConfig
from leap_core.run.folder import RunFolder
from leap_core.run.ledger import Ledger, SpendingLimit
from leap_core.run.progress import Screen
from leap_core.run.stage import Stage
from leap_core.stages.components import Components


@dataclass(frozen=True)
class RunContext:
    """Configuration, components, folder and screen of a run in one environment.

    `label` names the environment in a run in several; it is "" in a run in one.
    """

    config: RunConfig
    components: Components
    folder: RunFolder
    screen: Screen
    label: str = ""

    @property
    def name(self) -> str:
        """Name of the environment, as examples carry it."""
        return self.label or self.config.environment.name

    @property
    def basis(self) -> list[object]:
        """Everything that all stages' records depend on."""
        return [run_identity(self.config), dict(self.components.environment.fingerprint())]

    def stage(self, iteration: int, name: str) -> Stage:
        """Return a stage of an iteration, with the hash of its inputs."""
        return self.folder.stage(iteration, name, [*self.basis, iteration, name])

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger of the whole run, under its budget."""
        ledger = Ledger(self.folder.ledger_path, spending_limit(self.config))
        try:
            yield ledger
        finally:
            ledger.close()


def spending_limit(config: RunConfig) -> SpendingLimit:
    """Return the budget of a configuration as the ledger takes it."""
    return SpendingLimit(config.budget.dollars, config.budget.tokens)
