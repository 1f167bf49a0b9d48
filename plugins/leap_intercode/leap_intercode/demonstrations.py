"""Demonstrations of bash tasks: by one who knows the gold command, or by the explorer."""

from __future__ import annotations

from leap_core import Step, Task, Trajectory
from leap_intercode.environment import BashEnvironment
from leap_intercode.expert import Decision, explore, solve

_LONGEST = 10


def demonstrate(environment: BashEnvironment, task: Task, kind: str) -> Trajectory:
    """Play a task: "expert" looks, tries, refines; "gold" acts at once; "explorer" knows nothing.

    The outcome says whether it worked; a demonstration that did not is for the caller to count.
    """
    episode = environment.open(task, 0)
    taken: list[Step] = []
    try:
        observation = episode.reset()
        while len(taken) < _LONGEST:
            decision = _decide(environment, task, kind, taken, observation.text)
            taken.append(Step(observation, decision.reason, decision.action))
            transition = episode.step(decision.action)
            observation = transition.observation
            if transition.terminated:
                break
    finally:
        episode.close()
    won = bool(transition.info.get("success", False))
    return Trajectory(
        task=task,
        steps=tuple(taken),
        final=observation.text,
        outcome="success" if won else "failure",
        score=float(transition.info.get("score", 0.0)),
        info=dict(transition.info),
    )


def _decide(
    environment: BashEnvironment, task: Task, kind: str, taken: list[Step], now: str
) -> Decision:
    gold = environment.gold(task)
    if kind == "explorer":
        return explore(task.goal, taken, now)
    if any(step.action == gold for step in taken):
        return Decision("submit", "That is what was asked for.", "submit")
    if kind == "expert":
        found = solve(task.goal, gold, environment.hidden(task), taken, now)
        if found is not None:
            return found
    return Decision("act", "I know the command that does this.", gold)
