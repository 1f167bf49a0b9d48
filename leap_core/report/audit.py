"""What `leap audit` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leap_core.analysis.realizability import LEVELS
from leap_core.analysis.sentences import Accuracy, Verdict

if TYPE_CHECKING:
    from rich.table import Table

    from leap_core.analysis.audit import RunAudit
    from leap_core.correction.audit import LeakRate


def print_audits(audits: Sequence[RunAudit], threshold: float) -> None:
    """Print tables of leaks and realizability, the accuracy of the rules, and the worst leaks."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_leak_table(audits, threshold), markup=False)
    if any(i.likelihoods or i.kl is not None for a in audits for i in a.iterations):
        console.print(_realizability_table(audits), markup=False)
    for line in _notes(audits):
        console.print(line, markup=False, soft_wrap=True)


def sentence_line(verdict: Verdict, threshold: float) -> str:
    """Return a verdict as one line for people."""
    word = "leak  " if verdict.leak >= threshold else "honest"
    why = f"  ({verdict.why})" if verdict.why else ""
    return f"{verdict.leak:.2f} {word} {' '.join(verdict.sentence.reason.split())}{why}"


def total_lines(verdicts: Sequence[Verdict], found: Accuracy) -> Iterator[str]:
    """Yield what there is to say of all verdicts together."""
    if found.leaks or found.honest:
        yield accuracy_line(found)
    silent = [verdict.silent for verdict in verdicts if verdict.silent]
    if silent:
        yield (
            f"no verdict of the judge on {len(silent)} of {len(verdicts)} reasons, which keep the "
            f"rules' score (first: {silent[0]})"
        )


def accuracy_line(found: Accuracy) -> str:
    """Return how often the audit is right about labelled reasons."""
    return (
        f"precision {_percent(found.precision)}, recall {_percent(found.recall)} "
        f"({found.found} of {found.leaks} leaks found, {found.flagged} of {found.honest} honest "
        "reasons flagged)"
    )


def _leak_table(audits: Sequence[RunAudit], threshold: float) -> Table:
    from rich.table import Table

    table = Table(title=f"leaks (score of {threshold} or more)")
    left = ("environment", "run", "reasons of")
    for column in (*left, "level", "reasons", "leaking", "rate", "dropped"):
        table.add_column(column, justify="left" if column in left else "right")
    for a in audits:
        rows: list[tuple[str, str, LeakRate]] = []
        if a.demonstrations is not None:
            rows.append(("demonstrations", "-", a.demonstrations))
        rows += [("corrections", str(level), rate) for level, rate in a.rates.items()]
        if a.exported is not None:
            rows.append(("export", "-", a.exported))
        for source, level, r in rows:
            counts = (str(r.count), str(r.leaking), _percent(r.rate), str(r.dropped))
            table.add_row(a.environment, a.name, source, level, *counts)
    return table


def _realizability_table(audits: Sequence[RunAudit]) -> Table:
    from rich.table import Table

    table = Table(title="realizability (log-likelihood under the student, nats a token)")
    table.add_column("run")
    for column in ("level", "iteration", "mean", *(f"{level} %" for level in LEVELS), "KL"):
        table.add_column(column, justify="right")
    for a in audits:
        for i in a.iterations:
            figures = ["-"] * (1 + len(LEVELS))
            if i.likelihoods is not None:
                figures = [f"{f:.2f}" for f in (i.likelihoods.mean, *i.likelihoods.percentiles)]
            kl = "-" if i.kl is None else f"{i.kl:.3f}"
            table.add_row(a.name, str(a.level), str(i.iteration), *figures, kl)
    return table


def _notes(audits: Sequence[RunAudit]) -> Iterator[str]:
    for a in audits:
        if a.accuracy is not None:
            yield f"{a.environment}: the rules on labelled reasons: {accuracy_line(a.accuracy)}"
        yield from (f"{a.name}: {note}" for note in a.notes)
    for a in audits:
        for w in a.worst:
            assert w.worst is not None
            level = f", level {w.level}" if w.level else ""
            yield f"\n{a.name}, {w.source}, {w.task_id}, step {w.step}{level}"
            yield f"  score {w.score:.2f}, {w.worst.explained}"
            yield f"  reason: {w.reason}"
            yield f"  action: {w.action}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
