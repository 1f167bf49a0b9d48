"""Demonstrations: a visit by one who knows what is wanted, or by one who does not."""

from __future__ import annotations

from collections.abc import Sequence

from leap_core import Environment, Observation, Step, Task, Trajectory, play
from leap_webshop.appraiser import Appraiser
from leap_webshop.candidates import clicks
from leap_webshop.expert import advise
from leap_webshop.shopper import Shopper


def demonstrate(
    environment: Environment, appraiser: Appraiser, task: Task, kind: str
) -> Trajectory:
    """Play a task as the expert of level 3 ("expert") or as the shopper does ("shopper")."""
    if kind == "expert":
        return play_expert(environment, appraiser, task, 3)
    return play(environment, task, Shopper())


def play_expert(
    environment: Environment, appraiser: Appraiser, task: Task, level: int
) -> Trajectory:
    """Play a task by the advice of the expert of a level, who follows the visit beside it."""
    session = appraiser.visit()

    def choose(history: Sequence[Step], seen: Observation) -> tuple[str, str]:
        if history:
            action = history[-1].action.strip()
            named = clicks(session, environment.options.item_names)
            session.act(named.get(action.lower(), action))
        return advise(task.goal, history, seen, appraiser.facts(session), level)

    return play(environment, task, choose)
