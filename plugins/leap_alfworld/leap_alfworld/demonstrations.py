"""Demonstrations: the shortest way by one who knows, or a search by one who does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leap_alfworld import reasons
from leap_alfworld.engine import World
from leap_alfworld.expert import Explorer
from leap_alfworld.memory import Memory
from leap_alfworld.model import Game
from leap_alfworld.planner import steps as planned_steps
from leap_alfworld.search import Decision, Search
from leap_core import Environment, Observation, Step, Task, Trajectory, play

REVEALING = ("planner", "walkthrough")
"""Kinds of demonstrations whose reasons name hidden places."""
KINDS = ("explorer", "privileged", *REVEALING)

Reason = Callable[[World, str, Memory], str]
_LONGEST_SEARCH = 200


def demonstrate(
    environment: Environment, game: Game, search: Search, task: Task, kind: str
) -> Trajectory:
    """Play a task: "explorer", "privileged", "planner" or "walkthrough".

    The explorer searches without any state. "privileged" and "planner" walk straight, the former
    with general reasons, the latter saying where things are. A walkthrough that the file lacks, or
    that does not win, is replaced by the planner's.
    """
    if kind == "explorer":
        return play(environment, task, Explorer(search), limit=_LONGEST_SEARCH)
    planned = [command for command, _ in planned_steps(World(game)) or ()]
    if kind == "privileged":
        return _follow(environment, game, task, planned, _general)
    if kind == "walkthrough" and game.walkthrough:
        shown = _follow(environment, game, task, game.walkthrough, _telling)
        if shown.succeeded:
            return shown
    return _follow(environment, game, task, planned, _telling)


def _follow(
    environment: Environment, game: Game, task: Task, commands: Sequence[str], reason: Reason
) -> Trajectory:
    """Act by a list of commands, each for a reason."""
    world, memory = World(game), Memory()
    left = iter(commands)

    def choose(steps: Sequence[Step], observation: Observation) -> tuple[str, str] | None:
        taken = steps[-1].action if steps else ""
        if taken:
            world.step(taken)
        memory.note(taken, observation.text)
        command = next(left, None)
        return None if command is None else (reason(world, command, memory), command)

    return play(environment, task, choose, limit=len(commands))


def _telling(world: World, command: str, memory: Memory) -> str:
    """Say where things are."""
    for planned, stop in planned_steps(world) or []:
        if planned == command:
            return reasons.explain(world, command, stop)
    # A shipped walkthrough may go another way of the same length.
    return reasons.plain(command)


def _general(world: World, command: str, memory: Memory) -> str:
    """Give the rule that things of a kind are often in such places, where none is in sight yet."""
    seen = {thing for things in memory.contents.values() for thing in things} | {memory.held}
    for planned, stop in planned_steps(world) or []:
        thing, place = world.game.things[stop.thing], world.game.receptacles[stop.receptacle]
        if planned == command and thing.name not in seen:
            purpose = "open" if command.startswith("open ") else "search"
            decision = Decision(command, purpose, thing.kind, place.name)
            return reasons.from_history(decision, world.game.goal, memory, "next", rule=True)
    return _telling(world, command, memory)
