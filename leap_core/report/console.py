"""The closing table of a run, for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from leap_core.evaluation import Evaluation
from leap_core.loop import RunResult


def print_result(result: RunResult) -> None:
    """Print success per iteration on validation, and on test for the first and best policy."""
    console = Console()
    sets = [e for e in (result.validation[0], *result.test.values()) if e]
    console.print(_table(result), markup=False)
    for line in dict.fromkeys(settings_line(e) for e in sets):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"best policy: pi_{result.best} ({result.policy})",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def settings_line(evaluation: Evaluation) -> str:
    """Split, size, horizon and decoding: printed with every score."""
    how = ", ".join(f"{k} {v}" for k, v in evaluation.decoding.items()) or "scripted"
    seeds = list(evaluation.by_seed) or [str(evaluation.seed)]
    tasks = evaluation.overall.tasks // len(seeds)
    return (
        f"{evaluation.split}: {tasks} tasks, horizon {evaluation.horizon}, "
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}, {how}"
    )


def percent(evaluation: Evaluation) -> str:
    """Success with its 95 % interval."""
    group = evaluation.overall
    low, high = (100 * bound for bound in group.interval)
    return f"{100 * group.success:.1f} % ({low:.0f}-{high:.0f})"


def _table(result: RunResult) -> Table:
    table = Table(title=f"success of {result.run_dir.name} (95 % interval)")
    table.add_column("policy")
    table.add_column(f"validation: {result.validation[0].split}")
    table.add_column("actions", justify="right")
    tested = next(iter(result.test.values()), None)
    if tested:
        table.add_column(f"test: {tested.split}")
        table.add_column("actions", justify="right")
    for i, evaluation in enumerate(result.validation):
        row = [f"pi_{i}{' *' if i == result.best else ''}", percent(evaluation)]
        row.append(f"{evaluation.overall.actions:.1f}")
        if tested:
            test = result.test.get(i)
            row += [percent(test), f"{test.overall.actions:.1f}"] if test else ["", ""]
        table.add_row(*row)
    return table
