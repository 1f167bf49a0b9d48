"""Privileged states of SQL tasks: the gold query and its rows, and where the student stands."""

from __future__ import annotations

import re

from leap_core import PrivilegedState, Trajectory
from leap_intercode.episode import shorten
from leap_intercode.sql.environment import SqlEnvironment
from leap_intercode.sql.reward import Rows, reward

_SHOWN = 1500
_NAME = re.compile(r"[A-Za-z_][\w]*_[\w]+")
_SECRET_ROWS = 20


def sql_states(environment: SqlEnvironment, trajectory: Trajectory) -> list[PrivilegedState]:
    """The privileged state before each step."""
    task = trajectory.task
    name, gold = str(task.data["database"]), environment.gold(task)
    answer = environment.answer(task)
    rows: Rows | str | None = None
    states = []
    for number, step in enumerate(trajectory.steps):
        stands = reward(rows, answer)
        facts = {
            "gold": gold,
            "output": shorten(str(answer), _SHOWN),
            "solved": stands >= 1.0 and number > 0,
            "dead_end": False,
            "tables": list(environment.tables(task)),
            "reward": stands,
        }
        text = "\n".join(
            [
                "**Question:**",
                task.goal,
                "**Gold query:**",
                gold,
                "**Its rows:**",
                shorten(str(answer), _SHOWN),
                "**Where the student stands:**",
                f"submitting now would score {max(0.0, stands):.2f}",
            ]
        )
        states.append(
            PrivilegedState(
                text=text, secrets=tuple(_secrets(gold, answer, task.goal, number)), facts=facts
            )
        )
        if not step.action.startswith("submit"):
            rows = environment.store.run(name, step.action, environment.options.seconds).observation
    return states


def _secrets(gold: str, answer: Rows | str | None, goal: str, number: int) -> list[str]:
    """Names of columns and tables that only the schema tells, the answer's values, and before
    anything was looked at, the query."""
    secrets = [name for name in _NAME.findall(gold) if name.lower() not in goal.lower()]
    if isinstance(answer, list):
        values = [str(value) for row in answer[:_SECRET_ROWS] for value in row]
        secrets += [value for value in values if len(value) >= 4 and value not in goal]
    if number == 0:
        secrets.append(gold)
    return list(dict.fromkeys(secrets))
