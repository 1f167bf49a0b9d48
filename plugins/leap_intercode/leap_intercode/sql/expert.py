"""The scripted expert and the explorer for SQL tasks, and their demonstrations.

The levels are those of `leap_intercode.expert`: look at the tables, then query, then submit; at
level 5 the gold query at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from leap_core import (
    Environment,
    Observation,
    PrivilegedState,
    Proposal,
    ScriptedPolicy,
    Step,
    Task,
    Trajectory,
    play,
)
from leap_intercode.expert import Decision
from leap_intercode.sql.embedded import TEMPLATES

_LONGEST = 10
_FROM = re.compile(r"\b(?:from|join)\s+`?(\w+)`?", re.IGNORECASE)
_SUBMIT = Decision("submit", "That is what was asked for.", "submit")


class SqlExpert:
    """Corrects a student's trajectory from the gold query and where the student stands."""

    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> list[Proposal]:
        """Propose an action and a reason for each step that the level asks for."""
        proposals = []
        steps = trajectory.steps
        for t, (step, state) in enumerate(zip(steps, states, strict=True)):
            gold = str(state.facts["gold"])
            if level == 1:
                decision: Decision | None = explore(trajectory.task.goal, steps[:t])
            elif state.facts["solved"]:
                decision = _SUBMIT
            elif level == 5:
                decision = Decision("act", "The query that answers this is known.", gold)
            else:
                decision = solve(gold, steps[:t])
            submits = step.action.startswith("submit")
            solved_next = t + 1 < len(states) and bool(states[t + 1].facts["solved"])
            fine = solved_next and not submits
            spared = level == 2 and not submits and t + 1 < len(steps)
            if decision is None or (
                level not in (1, 5) and decision != _SUBMIT and (fine or spared)
            ):
                continue
            proposals.append(Proposal(step=t, reason=decision.reason, action=decision.action))
        return proposals


class SqlExplorer(ScriptedPolicy):
    """Reads the question, looks at the tables, queries; sees what a student sees, no more."""

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        """Return (reason, action)."""
        decision = explore(task.goal, history)
        return decision.reason, decision.action


def solve(gold: str, history: Sequence[Step]) -> Decision | None:
    """The way to the gold query: list the tables, describe those it needs, then query."""
    done = [step.action for step in history]
    for action, reason in _looks(dict.fromkeys(_FROM.findall(gold))):
        if action not in done:
            return Decision("look", reason, action)
    if gold in done:
        return None
    return Decision("act", "I know the columns; now the query.", gold)


def explore(goal: str, history: Sequence[Step]) -> Decision:
    """What someone without any privilege does: works where the question is of a kind it reads."""
    query = _query_for(goal)
    if query is None:
        return Decision("look", "I list the tables.", "SHOW TABLES") if not history else _SUBMIT
    return solve(query, history) or _SUBMIT


def _query_for(goal: str) -> str | None:
    for template in TEMPLATES:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\w+)", re.escape(template.query))
        found = re.fullmatch(pattern, goal)
        if found:
            return template.gold.format(**found.groupdict())
    return None


def _looks(tables: Sequence[str] | dict[str, None]) -> list[tuple[str, str]]:
    looks = [("SHOW TABLES", "First I list the tables.")]
    return looks + [(f"DESCRIBE {t}", f"I look at the columns of {t}.") for t in tables]


def demonstrate(environment: Environment, gold: str, task: Task, kind: str) -> Trajectory:
    """Play a task: "expert" looks at the tables first, "gold" queries at once."""

    def choose(steps: Sequence[Step], observation: Observation) -> tuple[str, str]:
        if kind == "gold":
            query = Decision("act", "I know the query for this.", gold)
            decision = _SUBMIT if steps else query
        else:
            decision = solve(gold, steps) or _SUBMIT
        return decision.reason, decision.action

    return play(environment, task, choose, limit=_LONGEST)
