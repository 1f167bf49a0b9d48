"""The tables of a report, as rows of text: markdown and HTML show the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from leap_core.evaluation import Evaluation, GroupScores
from leap_core.report.collect import Iteration, RunReport, reasons
from leap_core.report.console import settings_line
from leap_core.runs.ledger import Totals

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """One table. `notes` say how its figures came to be; `marked` rows stand out."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    marked: Sequence[int] = field(default=())


def headline(report: RunReport) -> list[str]:
    """What the run was, in a few facts."""
    config = report.config
    teacher = f"{config.teacher.name} (level {config.teacher.level})" if config.teacher else "none"
    done = sum(i.validation is not None for i in report.iterations)
    state = "finished" if report.finished else f"not finished: {done} policies scored so far"
    return [
        f"environment {config.environment.name}",
        f"student {config.student.model}",
        f"teacher {teacher}",
        f"updater {config.updater.name}",
        f"{config.iterations} iterations, seed {config.seed}",
        state,
    ]


def all_tables(report: RunReport) -> list[Table]:
    """The tables that have something to show."""
    tables = [
        *_scores(report, "validation"),
        *_scores(report, "test"),
        _by_type(report),
        _corrections(report),
        _rejections(report),
        _spending(report),
    ]
    return [table for table in tables if table.rows]


def _scores(report: RunReport, kind: str) -> Iterator[Table]:
    """One table for each way of scoring: figures of different ones do not belong side by side."""
    found = [(i.number, getattr(i, kind)) for i in report.iterations if getattr(i, kind)]
    for settings in dict.fromkeys(settings_line(e) for _, e in found):
        alike = [(n, e) for n, e in found if settings_line(e) == settings]
        yield Table(
            title=f"Scores on {kind}",
            columns=(
                "policy", "success", "95 % interval", "actions", "actions if success", "score",
                "errored", "malformed",
            ),
            rows=[[f"π{n}", *_group(e.overall)] for n, e in alike],
            notes=[settings, _ACTIONS],
            marked=[row for row, (n, _) in enumerate(alike) if n == report.best],
        )  # fmt: skip


_ACTIONS = "An episode that did not succeed counts as the horizon in actions."


def _group(group: GroupScores) -> list[str]:
    low, high = group.interval
    return [
        percent(group.success),
        f"{100 * low:.1f} to {100 * high:.1f} %",
        f"{group.actions:.1f}",
        NOTHING if group.actions_if_success is None else f"{group.actions_if_success:.1f}",
        f"{group.score:.3f}",
        str(group.errored),
        str(group.malformed),
    ]


def _by_type(report: RunReport) -> Table:
    """The first and the best policy by task type, on test where there is one."""
    first, best = _ends(report)
    if first is None or best is None:
        return Table("", (), ())
    compared = {"π0": first, f"π{report.best}": best}
    return Table(
        title="Success by task type",
        columns=("type", "tasks", *compared),
        rows=[
            [name, str(group.tasks), *(_success(e.by_type.get(name)) for e in compared.values())]
            for name, group in best.by_type.items()
        ],
        notes=[settings_line(best)],
    )


def _ends(report: RunReport) -> tuple[Evaluation | None, Evaluation | None]:
    ends = [i for i in report.iterations if i.number in (0, report.best)]
    if not ends:
        return None, None
    if ends[0].test and ends[-1].test:
        return ends[0].test, ends[-1].test
    return ends[0].validation, ends[-1].validation


def _success(group: GroupScores | None) -> str:
    if group is None:
        return NOTHING
    low, high = group.interval
    return f"{percent(group.success)} ({100 * low:.0f} to {100 * high:.0f})"


def _corrections(report: RunReport) -> Table:
    return Table(
        title="Corrections",
        columns=(
            "iteration", "rollouts", "succeeded", "errored", "asked about", "no answer",
            "corrections", "rejected", "training rows", "tokens in", "tokens out", "cost",
        ),
        rows=[_correction_row(i) for i in report.iterations if i.rollouts or i.asked],
    )  # fmt: skip


def _correction_row(iteration: Iteration) -> list[str]:
    rollouts, usage = iteration.rollouts, iteration.usage
    played = [rollouts.tasks, rollouts.succeeded, rollouts.errored] if rollouts else []
    return [
        str(iteration.number),
        *([f"{count:,}" for count in played] or [NOTHING] * 3),
        f"{iteration.asked:,}",
        f"{iteration.unanswered:,}",
        f"{iteration.corrections:,}",
        f"{sum(iteration.rejections.values()):,}",
        f"{iteration.examples:,}",
        f"{usage.prompt_tokens:,}",
        f"{usage.completion_tokens:,}",
        dollars(usage.cost),
    ]


def _rejections(report: RunReport) -> Table:
    iterations = [i for i in report.iterations if i.asked]
    return Table(
        title="Rejections by reason",
        columns=("reason", *(f"iteration {i.number}" for i in iterations)),
        rows=[
            [reason, *(str(i.rejections.get(reason, 0)) for i in iterations)]
            for reason in reasons(iterations)
        ],
    )


def _spending(report: RunReport) -> Table:
    return Table(
        title="Model calls",
        columns=(
            "purpose", "model", "calls", "from cache", "errors", "lost", "tokens in",
            "tokens out", "cost",
        ),
        rows=[_spending_row(*key, totals) for key, totals in sorted(report.spending.items())],
        notes=["A lost call ended without an answer; the provider may have billed it."],
    )  # fmt: skip


def _spending_row(purpose: str, model: str, totals: Totals) -> list[str]:
    counts = (
        totals.calls, totals.cached, totals.errors, totals.lost,
        totals.prompt_tokens, totals.completion_tokens,
    )  # fmt: skip
    cost = dollars(totals.usage.cost)
    if totals.unpriced and totals.cost:
        cost = f"over {dollars(totals.cost)} ({totals.unpriced:,} calls of unknown price)"
    return [purpose, model, *(f"{count:,}" for count in counts), cost]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def dollars(cost: float | None) -> str:
    """A cost in US dollars; None is a price that is not known."""
    return "unknown" if cost is None else f"${cost:,.4f}"
