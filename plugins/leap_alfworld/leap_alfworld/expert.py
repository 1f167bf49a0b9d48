"""The scripted privileged expert: what the `oracle` teacher asks, at five levels of privilege.

| level | which steps | where it looks for a hidden object | what it says |
|---|---|---|---|
| 1 | all | in the order of the room's listing | what the history shows |
| 2 | those that gain nothing | as the search goes; at every second task in the kind of place that \
hides it | a general rule, or what the history shows |
| 3 | all | in the kind of place that hides it | the general rule, and what the history shows |
| 4 | all | the same; by lot, at half the moves, in the very place | the rule, or the place |
| 5 | all | straight to it | where it is |

Level 1 never sees the state: it is the unprivileged teacher. At levels 2 and 3 the hidden state
decides an action, but only through the *kind* of place, and is never spoken of: where things of a
kind are mostly kept in one kind of place, a student can learn such actions from its own history.
Those of levels 4 and 5 rest on what it cannot see.

In a search round the room (`Search.tour`) levels 2 and 3 use the state on the first move alone,
and then go round; in other searches on every move.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from leap_alfworld import reasons
from leap_alfworld.memory import Memory, kind_of, read_goal
from leap_alfworld.model import Goal
from leap_alfworld.search import (
    LIKELY,
    Decision,
    Search,
    decide,
    in_order,
    of_kinds_first,
    own_choice_first,
    places_first,
)
from leap_core import Observation, PrivilegedState, Proposal, ScriptedPolicy, Step, Task, Trajectory


class Expert:
    """Corrects a student's trajectory from the simulator's states.

    `search` is how it goes through places not looked at yet, where no level says otherwise.
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
            if level == 1:
                proposals.append(_unprivileged(t, step, goal, memory, self.search))
                continue
            if state.facts.get("dead_end"):
                break
            if level == 2 and _gains(states, t):
                continue
            if level >= 5:
                proposal = _straight(t, state.facts)
            else:
                turn = _Turn(t, step, goal, memory, state.facts, trajectory.task.id)
                proposal = turn.proposal(level, self.search)
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


def _unprivileged(t: int, step: Step, goal: Goal, memory: Memory, search: Search) -> Proposal:
    """Level 1: no state and no prior knowledge of where things are."""
    search = replace(search, order=in_order)
    decision = decide(goal, memory, step.observation.candidates, search)
    reason = reasons.from_history(decision, goal, memory, _restated(search))
    return Proposal(step=t, reason=reason, action=decision.action)


def _straight(t: int, facts: Any) -> Proposal | None:
    """Level 5: the best plan, and why."""
    if not facts.get("plan"):
        return None
    return Proposal(step=t, reason=str(facts["reason"]), action=str(facts["plan"][0]))


def _gains(states: Sequence[PrivilegedState], t: int) -> bool:
    """Whether the student's action brought it nearer to the goal."""
    if t + 1 >= len(states):
        return False
    before, after = states[t].facts.get("plan"), states[t + 1].facts.get("plan")
    return before is not None and after is not None and len(after) < len(before)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One step of a student, and the facts that were hidden from it."""

    t: int
    step: Step
    goal: Goal
    memory: Memory
    facts: Any
    task_id: str

    def proposal(self, level: int, search: Search) -> Proposal:
        """Propose at level 2, 3 or 4."""
        plain = self._decide(self._as_begun(search))
        if plain.purpose != "search":
            return self._say(plain, search)
        hiding = self._hiding(plain.thing)
        if not hiding or not self._hints(level, search):
            return self._say(plain, search)
        if level >= 4 and self._lot(f"{self.task_id} {self.t}"):
            told = self._decide(Search(places_first(search.order, hiding)))
            if told.purpose == "search" and told.place in hiding:
                return Proposal(step=self.t, reason=reasons.named(told), action=told.action)
        kinds = [kind for kind, _ in Counter(map(kind_of, hiding)).most_common()]
        hinted = self._decide(Search(of_kinds_first(search.order, kinds)))
        return self._say(hinted, search, rule=kind_of(hinted.place) in kinds)

    def _as_begun(self, search: Search) -> Search:
        """A round of the room may begin at any place: the student's own choice is as good."""
        if search.tour and not self.memory.visits:
            return replace(search, order=own_choice_first(search.order, self.step.action))
        return search

    def _hints(self, level: int, search: Search) -> bool:
        """Whether this level uses the state for this move of a search."""
        if level == 2 and not self._lot(self.task_id):
            return False
        return level >= 4 or not search.tour or not self.memory.visits

    def _hiding(self, thing: str) -> list[str]:
        """Places not looked into yet that hide such a thing."""
        return [
            place
            for name, places in sorted(self.facts.get("locations", {}).items())
            for place in places
            if kind_of(name) == thing and place not in self.memory.looked
        ]

    def _decide(self, search: Search) -> Decision:
        return decide(self.goal, self.memory, self.step.observation.candidates, search)

    def _say(self, decision: Decision, search: Search, rule: bool = False) -> Proposal:
        reason = reasons.from_history(decision, self.goal, self.memory, _restated(search), rule)
        return Proposal(step=self.t, reason=reason, action=decision.action)

    @staticmethod
    def _lot(key: str) -> bool:
        return zlib.crc32(key.encode()) % 2 == 0
