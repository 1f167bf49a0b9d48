"""Privileged states of SQL tasks: the gold query and its rows, and where the student stands."""

from __future__ import annotations

from leap_core import PrivilegedState, Trajectory
from leap_intercode.episode import shorten
from leap_intercode.hidden_facts import sql_secrets
from leap_intercode.sql.environment import SqlEnvironment
from leap_intercode.sql.reward import Rows, reward

_SHOWN = 1500


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
                text=text, secrets=tuple(sql_secrets(gold, answer, task.goal, number)), facts=facts
            )
        )
        if not step.action.startswith("submit"):
            rows = environment.store.run(name, step.action, environment.options.seconds).observation
    return states
