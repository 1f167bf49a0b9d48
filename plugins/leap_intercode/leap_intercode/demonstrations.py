"""Demonstrations of bash tasks: by one who knows the gold command, or by the explorer."""

from __future__ import annotations

from collections.abc import Sequence

from leap_core import Environment, Observation, Step, Task, Trajectory, play
from leap_intercode.expert import Decision, explore, solve

_LONGEST = 10


def demonstrate(
    environment: Environment, gold: str, hidden: str, task: Task, kind: str
) -> Trajectory:
    """Play a task: "expert" looks, tries, refines; "gold" acts at once; "explorer" knows nothing.

    The outcome says whether it worked; a demonstration that did not is for the caller to count.
    """

    def choose(steps: Sequence[Step], observation: Observation) -> tuple[str, str]:
        decision = _decide(gold, hidden, task, kind, steps, observation.text)
        return decision.reason, decision.action

    return play(environment, task, choose, limit=_LONGEST)


def _decide(
    gold: str,
    hidden: str,
    task: Task,
    kind: str,
    taken: Sequence[Step],
    now: str,
) -> Decision:
    if kind == "explorer":
        return explore(task.goal, taken, now)
    if any(step.action == gold for step in taken):
        return Decision("submit", "That is what was asked for.", "submit")
    if kind == "expert":
        found = solve(task.goal, gold, hidden, taken, now)
        if found is not None:
            return found
    return Decision("act", "I know the command that does this.", gold)
