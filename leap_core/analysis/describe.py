"""What `leap describe` does: demonstrations in, one recorded state a task out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leap_core.config.schema import RunConfig
from leap_core.contracts.teacher import Teacher, TeacherContext
from leap_core.correction.annotate import Described, describe_demonstrations
from leap_core.correction.ordered_async import run_async
from leap_core.errors import ConfigError, unknown
from leap_core.runs import files
from leap_core.runs.ledger import Ledger, SpendingLimit
from leap_core.runs.progress import Screen
from leap_core.runs.records import Records
from leap_core.stages.components import build_environment, build_teacher
from leap_core.types import Fact, Trajectory


@dataclass(frozen=True)
class RecordedState:
    """One line of the file."""

    task_id: str
    text: str
    secrets: tuple[str | Fact, ...]
    facts: dict[str, Any]


def describe(
    config: RunConfig, out: Path, split: str | None, limit: int | None, screen: Screen
) -> tuple[int, list[str]]:
    """Describe the tasks that `out` lacks; return how many it has then, and what failed.

    Raises:
        ConfigError: no teacher, an unknown split, or an environment without demonstrations.
        BudgetExceeded: the budget is spent; what was answered is in `out`.
    """
    if config.teacher is None:
        raise ConfigError("key 'teacher' is missing: a teacher has to sum the demonstrations up")
    environment = build_environment(config.environment)
    split = split or config.splits.train
    if split not in environment.splits():
        raise ConfigError(unknown("split", split, environment.splits()))
    kinds = environment.demonstration_kinds()
    if not kinds:
        raise ConfigError(f"environment '{config.environment.name}' offers no demonstrations")
    ledger = Ledger(
        out.with_name(f"{out.name}.ledger.jsonl"),
        SpendingLimit(config.budget.dollars, config.budget.tokens),
    )
    context = TeacherContext(
        environment=environment, ledger=ledger, cache_dir=out.parent / files.CACHE, seed=config.seed
    )
    teacher = build_teacher(config, context)
    states = Records(out, RecordedState)
    states.repair()
    present = {state.task_id for state in states}
    wanted = [t for t in list(environment.tasks(split))[:limit] if t.id not in present]
    shown = list(environment.demonstrations(wanted, config.demonstrations.kind or kinds[0]))
    errors: list[str] = []
    run_async(_ask(teacher, shown, config.teacher.concurrency, states, errors, screen))
    ledger.close()
    return sum(1 for _ in states), errors


async def _ask(
    teacher: Teacher,
    shown: Sequence[Trajectory],
    concurrency: int,
    states: Records[RecordedState],
    errors: list[str],
    screen: Screen,
) -> None:
    with screen.bar("demonstrations described", len(shown)) as bar:

        def keep(described: Described) -> None:
            state = described.state
            if state is None:
                errors.append(f"{described.task_id}: {described.error}")
            else:
                facts = dict(state.facts)
                states.append(RecordedState(described.task_id, state.text, state.secrets, facts))
            bar.advance()

        try:
            await describe_demonstrations(
                shown, teacher=teacher, concurrency=concurrency, on_described=keep
            )
        finally:
            await teacher.aclose()
