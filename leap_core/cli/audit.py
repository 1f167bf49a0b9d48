"""`leap audit RUN…`: do the corrections leak, and could the student have come to them itself?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leap_core.cli.main import Settings

if TYPE_CHECKING:
    from rich.table import Table

    from leap_core.analysis.audit import RunAudit


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True), default=0.5,
              show_default=True, help="Score from which a correction leaks.")  # fmt: skip
@click.option("--worst", type=click.IntRange(min=0), default=5, show_default=True,
              help="How many of the worst examples to show.")  # fmt: skip
@click.option("--no-likelihoods", is_flag=True,
              help="Do not score the corrections under the student.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def command(
    settings: Settings, runs: tuple[Path, ...], threshold: float, worst: int,
    no_likelihoods: bool, as_json: bool,
) -> None:  # fmt: skip
    """Audit the corrections of some runs.

    Leaks: what a correction tells of the privileged state though the student's history does not
    hold it. Realizability: the corrections' mean log-likelihood under the student that was
    corrected. By environment and privilege level.
    """
    from leap_core.analysis.audit import audit_run
    from leap_core.runs.progress import Screen

    screen = Screen(settings.quiet or as_json)
    audits = [audit_run(run, threshold, worst, not no_likelihoods, screen) for run in runs]
    if as_json:
        click.echo(json.dumps([a.as_dict() for a in audits], ensure_ascii=False))
    else:
        _print(audits, threshold)


def _print(audits: Sequence[RunAudit], threshold: float) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_leak_table(audits, threshold), markup=False)
    if any(i.likelihoods or i.kl is not None for a in audits for i in a.iterations):
        console.print(_realizability_table(audits), markup=False)
    for line in _notes(audits):
        console.print(line, markup=False, soft_wrap=True)


def _leak_table(audits: Sequence[RunAudit], threshold: float) -> Table:
    from rich.table import Table

    table = Table(title=f"leaks (score of {threshold} or more)")
    for column in ("environment", "run", "level", "corrections", "leaking", "rate", "dropped"):
        table.add_column(column, justify="left" if column in ("environment", "run") else "right")
    for a in audits:
        for level, r in a.rates.items():
            rate = "-" if r.rate is None else f"{100 * r.rate:.1f} %"
            counts = (str(r.count), str(r.leaking), rate, str(r.dropped))
            table.add_row(a.environment, a.name, str(level), *counts)
    return table


def _realizability_table(audits: Sequence[RunAudit]) -> Table:
    from rich.table import Table

    from leap_core.analysis.realizability import LEVELS

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
        yield from (f"{a.name}: {note}" for note in a.notes)
    for a in audits:
        for w in a.worst:
            assert w.worst is not None
            yield f"\n{a.name}, {w.task_id}, step {w.step}, level {w.level}"
            yield f"  score {w.score:.2f}, {w.worst.how}: {w.worst.secret!r}"
            yield f"  reason: {w.reason}"
            yield f"  action: {w.action}"
