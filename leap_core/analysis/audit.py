"""What `leap audit` does: read a run's records and score its corrections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leap_core.analysis.exports import ExportedRow, read_rows
from leap_core.analysis.realizability import Likelihoods, realizability
from leap_core.analysis.sentences import Accuracy
from leap_core.analysis.verdicts import shipped_accuracy
from leap_core.config.schema import RunConfig
from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.correction.audit import (
    Audited,
    LeakRate,
    audit,
    audit_demonstrations,
    audit_rows,
    leak_rates,
    rate_of,
    worst_examples,
)
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
    demonstrations: LeakRate | None = None
    exported: LeakRate | None = None
    accuracy: Accuracy | None = None
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON-like form."""
        return {
            **asdict(self),
            "rates": {level: _rate(r) for level, r in self.rates.items()},
            "demonstrations": _rate(self.demonstrations),
            "exported": _rate(self.exported),
            "accuracy": None if self.accuracy is None else self.accuracy.as_dict(),
        }


def audit_run(
    path: Path,
    threshold: float,
    worst: int,
    likelihoods: bool,
    screen: Screen,
    export: Path | None = None,
) -> RunAudit:
    """Audit one run: its demonstrations, its corrections, and rows exported from it.

    Raises:
        RunFolderError: it is no readable run folder.
        ConfigError: it has no privileged source, so there is nothing to audit against.
        DataError: the export cannot be read.
    """
    folder = open_run(path)
    config = folder.config()
    components = build_components(config)
    source = components.source
    if source is None or config.teacher is None:
        raise ConfigError(
            f"the run '{path}' has no teacher or no privileged source: nothing says what is hidden"
        )
    told = [] if export is None else list(read_rows(export))
    corrected = [i for i in folder.iterations() if i.corrections.path.exists()]
    notes: list[str] = []
    shown, audited = _reasons(folder, config, source, screen, notes)
    rows = list(_exported(told, folder, source))
    _count("exported rows", len(rows), len(told), "they are not of this run, or", notes)
    measured = [_measure(folder, iteration, likelihoods, notes) for iteration in corrected]
    return RunAudit(
        path.name,
        config.environment.name,
        config.teacher.level,
        leak_rates(audited, threshold) or {config.teacher.level: LeakRate(0, 0, 0.0, 0)},
        measured,
        worst_examples([*audited, *shown, *rows], worst),
        rate_of(shown, threshold),
        rate_of(rows, threshold),
        _accuracy(components.environment, notes),
        list(dict.fromkeys(notes)),
    )


def _reasons(
    folder: RunFolder,
    config: RunConfig,
    source: PrivilegedSource,
    screen: Screen,
    notes: list[str],
) -> tuple[list[Audited], list[Audited]]:
    """Score the reasons of all demonstrations, and those of all corrections."""
    shown: list[Audited] = []
    audited: list[Audited] = []
    steps = corrections = 0
    with screen.bar("leak audit", len(list(folder.iterations()))) as bar:
        for iteration in folder.iterations():
            shown += audit_demonstrations(iteration.demonstrations, source)
            audited += _leaks(iteration, config, source)
            steps += sum(len(t.steps) for t in iteration.demonstrations)
            corrections += iteration.corrections.count()
            bar.advance()
    _count("demonstrated steps", len(shown), steps, "", notes)
    _count("corrections", sum(a.kept for a in audited), corrections, "", notes)
    return shown, audited


def _count(what: str, scored: int, all_of_them: int, why: str, notes: list[str]) -> None:
    """Say how many reasons were left out."""
    if scored < all_of_them:
        why = f"{why} their privileged state cannot be had".strip()
        notes.append(f"{all_of_them - scored} of {all_of_them} {what} are not audited: {why}")


def _accuracy(environment: Environment, notes: list[str]) -> Accuracy | None:
    """Measure the rules on the labelled reasons that the environment ships."""
    path = environment.labelled_reasons()
    if path is None:
        return None
    try:
        return shipped_accuracy(path)
    except LeapError as error:
        notes.append(f"the rules are not measured: {error}")
        return None


def _exported(
    told: Sequence[ExportedRow], folder: RunFolder, source: PrivilegedSource
) -> Iterator[Audited]:
    """Score exported rows with the trajectories that they are from."""
    by_origin: dict[tuple[int, str], list[Audited]] = {}
    for row in told:
        by_origin.setdefault((row.iteration, row.source), []).append(row.audited)
    for (number, origin), rows in by_origin.items():
        iteration = folder.iteration(number)
        records = iteration.demonstrations if origin == "demonstration" else iteration.rollouts
        yield from audit_rows(rows, records, source)


def _rate(rate: LeakRate | None) -> dict[str, Any] | None:
    return None if rate is None else {**asdict(rate), "rate": rate.rate}


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
