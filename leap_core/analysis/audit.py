"""What `leap audit` does: read a run's records and score its corrections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leap_core.analysis.realizability import Likelihoods, realizability
from leap_core.config.schema import RunConfig
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.correction.audit import Audited, LeakRate, audit, leak_rates, worst_examples
from leap_core.errors import ConfigError, LeapError
from leap_core.runs.folder import RunFolder, open_run
from leap_core.runs.iteration import IterationFolder
from leap_core.runs.progress import Screen
from leap_core.stages.components import build_components


@dataclass(frozen=True)
class IterationAudit:
    """Realizability of one iteration's corrections; `kl` is the teacher's own measure of it."""

    iteration: int
    likelihoods: Likelihoods | None
    kl: float | None


@dataclass(frozen=True)
class RunAudit:
    """What the audit of a run found. `notes` say what could not be measured, and why."""

    name: str
    environment: str
    level: int
    rates: Mapping[int, LeakRate]
    iterations: list[IterationAudit]
    worst: list[Audited]
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON-like form."""
        return {
            **asdict(self),
            "rates": {level: {**asdict(r), "rate": r.rate} for level, r in self.rates.items()},
        }


def audit_run(
    path: Path, threshold: float, worst: int, likelihoods: bool, screen: Screen
) -> RunAudit:
    """Audit one run.

    Raises:
        RunFolderError: it is no readable run folder.
        ConfigError: it has no privileged source or teacher, so there is nothing to audit.
    """
    folder = open_run(path)
    config = folder.config()
    source = build_components(config).source
    if source is None or config.teacher is None:
        raise ConfigError(f"the run '{path}' has no teacher: there are no corrections to audit")
    corrected = [i for i in folder.iterations() if i.corrections.path.exists()]
    audited: list[Audited] = []
    with screen.bar("leak audit", len(corrected)) as bar:
        for iteration in corrected:
            audited += _leaks(iteration, config, source)
            bar.advance()
    notes: list[str] = []
    measured = [_measure(folder, iteration, likelihoods, notes) for iteration in corrected]
    return RunAudit(
        path.name,
        config.environment.name,
        config.teacher.level,
        leak_rates(audited, threshold) or {config.teacher.level: LeakRate(0, 0, 0.0, 0)},
        measured,
        worst_examples(audited, worst),
        list(dict.fromkeys(notes)),
    )


def _leaks(
    iteration: IterationFolder, config: RunConfig, source: PrivilegedSource
) -> Iterator[Audited]:
    assert config.teacher is not None
    return audit(
        iteration.corrections,
        iteration.rejected,
        iteration.rollouts,
        source,
        config.teacher.level,
    )


def _measure(
    folder: RunFolder, iteration: IterationFolder, wanted: bool, notes: list[str]
) -> IterationAudit:
    number = iteration.number
    likelihoods = None
    if wanted:
        try:
            likelihoods = realizability(
                folder.iteration(number - 1).policy, list(iteration.examples)
            )
        except LeapError as error:
            notes.append(f"no likelihoods: {error}")
    return IterationAudit(number, likelihoods, _kl(iteration))


def _kl(iteration: IterationFolder) -> float | None:
    """Return the mean of the KL that the teacher reported, if it reports one."""
    found = [kl for r in iteration.teacher if (kl := r.measures.get("kl")) is not None]
    return sum(found) / len(found) if found else None
