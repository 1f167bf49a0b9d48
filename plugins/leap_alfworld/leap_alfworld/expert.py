"""The scripted privileged expert: what the `oracle` teacher asks, at five levels of privilege.

| level | which steps | where it looks for a hidden object | what it says |
|---|---|---|---|
| 1 | all | places in the order of the room's listing | no history, no privilege |
| 2 | those that gain nothing | by common sense | no history, no privilege |
| 3 | all | by common sense | what the history shows |
| 4 | all | in the right kind of place, at times the very place | hints, at times names it |
| 5 | all | straight to it | says where it is |

Instead of by common sense it can search round the room (see `Search`).

Up to level 3 the action is a function of the student's own history: privilege only tells it which
steps to correct (2, 3) and that a trajectory has come to a dead end. Such actions a student can
learn to take by itself; those of levels 4 and 5 rest on what it cannot see.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from leap_alfworld import reasons
from leap_alfworld.memory import Memory, kind_of, read_goal
from leap_alfworld.model import Goal
from leap_alfworld.search import (
    LIKELY,
    Decision,
    Search,
    commonsense,
    decide,
    in_order,
    own_choice_first,
)
from leap_core import Observation, PrivilegedState, Proposal, ScriptedPolicy, Step, Task, Trajectory


class Expert:
    """Corrects a student's trajectory from the simulator's states.

    `search` is how levels 2 to 4 go through places not looked at yet.
    """

    def __init__(self, search: Search = LIKELY) -> None:
        self.search = search

    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> list[Proposal]:
        """Propose an action and a reason for each step that the level asks for."""
        goal = read_goal(trajectory.task.goal)
        if goal is None:
            return []
        memory = Memory()
        proposals: list[Proposal] = []
        action = ""
        for t, (step, state) in enumerate(zip(trajectory.steps, states, strict=True)):
            memory.note(action, step.observation.text)
            action = step.action
            if state.facts.get("dead_end") and level > 1:
                break
            if level == 2 and _gains(states, t):
                continue
            if level >= 5:
                proposal = _straight(t, state.facts)
            else:
                search = Search(in_order) if level == 1 else self.search
                proposal = _realizable(t, trajectory, goal, memory, state.facts, level, search)
            if proposal is not None:
                proposals.append(proposal)
        return proposals


class Explorer(ScriptedPolicy):
    """Searches by common sense or in another way; sees what a student sees, no more."""

    def __init__(self, search: Search = LIKELY) -> None:
        self.search = search

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        """Return (reason, action)."""
        goal = read_goal(task.goal)
        if goal is None:
            return "I do not understand the task.", "look"
        seen = [*(step.observation.text for step in history), observation.text]
        memory = Memory.of(seen, [step.action for step in history])
        decision = decide(goal, memory, observation.candidates, self.search)
        restates = _restated(self.search)
        return reasons.from_history(decision, goal, memory, restates), decision.action


def _restated(search: Search) -> reasons.Restated:
    return "next" if search.tour else "left"


def _gains(states: Sequence[PrivilegedState], t: int) -> bool:
    """Whether the student's action brought it nearer to the goal."""
    if t + 1 >= len(states):
        return False
    before, after = states[t].facts.get("plan"), states[t + 1].facts.get("plan")
    return before is not None and after is not None and len(after) < len(before)


def _straight(t: int, facts: Any) -> Proposal | None:
    if not facts.get("plan"):
        return None
    return Proposal(step=t, reason=str(facts["reason"]), action=str(facts["plan"][0]))


def _realizable(
    t: int,
    trajectory: Trajectory,
    goal: Goal,
    memory: Memory,
    facts: Any,
    level: int,
    search: Search,
) -> Proposal:
    step = trajectory.steps[t]
    if search.tour and not memory.visits:
        search = replace(search, order=own_choice_first(search.order, step.action))
    decision = decide(goal, memory, step.observation.candidates, search)
    if level >= 4 and decision.purpose == "search":
        return _hinted(t, trajectory, goal, memory, facts, decision, search)
    restates = _restated(search) if level >= 3 else None
    return Proposal(
        step=t,
        reason=reasons.from_history(decision, goal, memory, restates),
        action=decision.action,
    )


def _hinted(
    t: int,
    trajectory: Trajectory,
    goal: Goal,
    memory: Memory,
    facts: Any,
    decision: Decision,
    search: Search,
) -> Proposal:
    """Level 4: the right kind of place first; at every second chance, by lot, the place itself."""
    hiding = [
        place
        for thing, places in facts.get("locations", {}).items()
        for place in places
        if kind_of(thing) == decision.thing and place not in memory.looked
    ]
    if not hiding:
        reason = reasons.from_history(decision, goal, memory, _restated(search))
        return Proposal(step=t, reason=reason, action=decision.action)
    kinds = {kind_of(place) for place in hiding}
    named = zlib.crc32(f"{trajectory.task.id} {t}".encode()) % 2 == 0

    def order(kind: str, places: Sequence[str], memory: Memory) -> list[str]:
        ranked = commonsense(kind, places, memory)
        return sorted(ranked, key=lambda p: p not in hiding if named else kind_of(p) not in kinds)

    candidates = trajectory.steps[t].observation.candidates
    chosen = decide(goal, memory, candidates, Search(order))
    if chosen.purpose == "search":
        reason = reasons.hinted(chosen, chosen.place, named and chosen.place in hiding)
    else:
        reason = reasons.from_history(chosen, goal, memory, _restated(search))
    return Proposal(step=t, reason=reason, action=chosen.action)
