"""The scripted expert (what the `oracle` teacher asks) and the explorer, for bash tasks.

| level | which steps | what it does |
|---|---|---|
| 1 | all | what the explorer would do: no privilege |
| 2 | decisive ones only | as level 3 |
| 3 | those that could be better | look, try the first part, refine, submit when it is right |
| 4 | those that could be better | the same, at times acting on a path that was not seen yet |
| 5 | all | the gold command at once, then submit |
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap_core import Observation, PrivilegedState, Proposal, ScriptedPolicy, Step, Task, Trajectory
from leap_intercode.embedded import understand

_FOLDER = re.compile(r"(?<![\w.])/[\w.-]+(?:/[\w.-]+)*")


@dataclass(frozen=True, slots=True)
class Decision:
    """An action with its reason. `purpose`: "look", "try", "act", "submit"."""

    purpose: str
    reason: str
    action: str


class BashExplorer(ScriptedPolicy):
    """Reads the task, looks, acts and submits; sees what a student sees, no more."""

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        """Return (reason, action)."""
        decision = explore(task.goal, history, observation.text)
        return decision.reason, decision.action


class BashExpert:
    """Corrects a student's trajectory from the gold command and where the student stands."""

    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> list[Proposal]:
        """Propose an action and a reason for each step that the level asks for."""
        proposals = []
        steps = trajectory.steps
        for t, state in enumerate(states):
            if state.facts["dead_end"] and level > 1:
                break  # what the student changed cannot be undone by a command we know
            decision = self._decide(trajectory, t, state.facts, level)
            if decision is None or _good_enough(steps, states, t, decision, level):
                continue
            proposals.append(Proposal(step=t, reason=decision.reason, action=decision.action))
        return proposals

    def _decide(
        self, trajectory: Trajectory, t: int, facts: Mapping[str, Any], level: int
    ) -> Decision | None:
        history, now = trajectory.steps[:t], trajectory.steps[t].observation.text
        goal = trajectory.task.goal
        if level == 1:
            return explore(goal, history, now)
        if facts["solved"]:
            return _submit()
        if level == 5:
            return Decision("act", "The command that does this is known.", str(facts["gold"]))
        named = level == 4 and zlib.crc32(f"{trajectory.task.id} {t}".encode()) % 2 == 0
        return solve(goal, str(facts["gold"]), str(facts["hidden"]), history, now, named=named)


def _good_enough(
    steps: Sequence[Step],
    states: Sequence[PrivilegedState],
    t: int,
    decision: Decision,
    level: int,
) -> bool:
    """Whether a step is left as it is."""
    if level in (1, 5):
        return False
    action = steps[t].action
    submits = action.startswith("submit")
    if decision.purpose == "submit":
        return submits
    solved_next = t + 1 < len(states) and bool(states[t + 1].facts["solved"])
    if solved_next and not submits:
        return True
    return level == 2 and not submits and t + 1 < len(steps)


def solve(
    goal: str, gold: str, hidden: str, history: Sequence[Step], now: str, *, named: bool = False
) -> Decision | None:
    """The way to the gold command by what has been seen: look, try, refine.

    `named`: act on the hidden path although it was not seen (level 4). None where the gold command
    has been run and did not help.
    """
    done = [step.action for step in history]
    seen = "\n".join([*(step.observation.text for step in history), now])
    if hidden and hidden not in seen and not named:
        return look(goal, history)
    if not history and not named:
        return look(goal, history)
    if gold in done:
        return None
    beginning = first_part(gold)
    if beginning and beginning not in done and not named:
        return Decision(
            "try", "I try the first part of the work and look at what it prints.", beginning
        )
    if beginning and beginning in done:
        return Decision("act", "The output is what I need; now the rest of the work.", gold)
    return Decision("act", "I know enough; now the command that does it.", gold)


def explore(goal: str, history: Sequence[Step], now: str) -> Decision:
    """What someone without any privilege does: works where the task is of a kind that it reads."""
    understood = understand(goal)
    if not history:
        return look(goal, history)
    if understood is None:
        return _submit() if len(history) > 1 else look(goal, history)
    template, parts = understood
    path = _found(parts.get("name", ""), history, now) if template.hidden else ""
    if template.hidden and not path:
        return _submit() if len(history) > 2 else look(goal, history)
    command = template.command(parts, path)
    if history[-1].action == command:
        return _submit()
    beginning = first_part(command)
    if beginning and history[-1].action != beginning:
        return Decision(
            "try", "I try the first part of the work and look at what it prints.", beginning
        )
    return Decision("act", "I know enough; now the command that does it.", command)


def look(goal: str, history: Sequence[Step]) -> Decision:
    """The next look around that the task's own words suggest."""
    done = {step.action for step in history}
    understood = understand(goal)
    if understood is not None and understood[0].hidden:
        parts = understood[1]
        action = f"find {parts['root']} -name {parts['name']}"
        return Decision("look", f"First I find out where {parts['name']} is.", action)
    folders = [f.rstrip(".,") for f in _FOLDER.findall(goal)]
    for action in (*(f"ls {folder}" for folder in dict.fromkeys(folders)), "ls -la", "pwd"):
        if action not in done:
            return Decision("look", "First I look at what is there.", action)
    return Decision("look", "I look around once more.", "ls -la /")


def first_part(command: str) -> str:
    """A pipeline without its last command; "" where there is none, or where more goes on."""
    quote, cut = "", -1
    for place, sign in enumerate(command):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "|":
            cut = place
        elif sign in "&;<>()`$\\":
            return ""
    return "" if quote or cut < 0 else command[:cut].strip()


def _found(name: str, history: Sequence[Step], now: str) -> str:
    """A path of a file of that name among what was seen."""
    for text in (now, *(step.observation.text for step in reversed(history[1:]))):
        for line in text.splitlines():
            if line.startswith("/") and line.endswith(f"/{name}"):
                return line
    return ""


def _submit() -> Decision:
    return Decision("submit", "That is what was asked for.", "submit")
