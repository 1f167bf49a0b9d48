"""Demonstrations: the shortest way by one who knows, or a search by one who does not."""

from __future__ import annotations

from collections.abc import Sequence

from leap_alfworld import reasons
from leap_alfworld.engine import World
from leap_alfworld.expert import Explorer
from leap_alfworld.model import Game
from leap_alfworld.planner import steps as planned_steps
from leap_alfworld.search import SEARCHES
from leap_core import Environment, Observation, Step, Task, Trajectory, play

_LONGEST_SEARCH = 200


def demonstrate(
    environment: Environment, game: Game, search: str, task: Task, kind: str
) -> Trajectory:
    """Play a task by the planner ("planner"), the file ("walkthrough") or the explorer.

    A walkthrough that the file lacks, or that does not win, is replaced by the planner's.
    """
    if kind == "explorer":
        return play(environment, task, Explorer(SEARCHES[search]), limit=_LONGEST_SEARCH)
    if kind == "walkthrough":
        commands = game.walkthrough
        shown = _follow(environment, game, task, list(commands)) if commands else None
        if shown is not None and shown.succeeded:
            return shown
    best = planned_steps(World(game))
    return _follow(environment, game, task, [command for command, _ in best or ()])


def _follow(environment: Environment, game: Game, task: Task, commands: list[str]) -> Trajectory:
    """Act by a list of commands, with the reasons of one who knows where everything is."""
    world = World(game)
    left = iter(commands)

    def choose(steps: Sequence[Step], observation: Observation) -> tuple[str, str] | None:
        if steps:
            world.step(steps[-1].action)
        command = next(left, None)
        return None if command is None else (_why(world, command), command)

    return play(environment, task, choose, limit=len(commands))


def _why(world: World, command: str) -> str:
    best = planned_steps(world) or []
    for planned, stop in best:
        if planned == command:
            return reasons.explain(world, command, stop)
    # A shipped walkthrough may go another way of the same length.
    return reasons.plain(command)
