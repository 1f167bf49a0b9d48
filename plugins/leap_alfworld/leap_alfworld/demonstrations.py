"""Demonstrations: the shortest way by one who knows, or a search by one who does not."""

from __future__ import annotations

from leap_alfworld import reasons
from leap_alfworld.engine import World
from leap_alfworld.environment import AlfworldEnvironment
from leap_alfworld.expert import Explorer
from leap_alfworld.planner import steps as planned_steps
from leap_alfworld.privileged import explain
from leap_alfworld.search import SEARCHES
from leap_core import Step, Task, Trajectory

_LONGEST_SEARCH = 200


def demonstrate(environment: AlfworldEnvironment, task: Task, kind: str) -> Trajectory:
    """Play a task by the planner ("planner"), the file ("walkthrough") or the explorer.

    A walkthrough that the file lacks, or that does not win, is replaced by the planner's.
    """
    if kind == "explorer":
        return _explore(environment, task)
    if kind == "walkthrough":
        commands = environment.game(task).walkthrough
        shown = _follow(environment, task, list(commands)) if commands else None
        if shown is not None and shown.succeeded:
            return shown
    best = planned_steps(World(environment.game(task)))
    return _follow(environment, task, [command for command, _ in best or ()])


def _follow(environment: AlfworldEnvironment, task: Task, commands: list[str]) -> Trajectory:
    """Act by a list of commands, with the reasons of one who knows where everything is."""
    episode = environment.open(task, 0)
    world = World(environment.game(task))
    observation = episode.reset()
    taken: list[Step] = []
    won = False
    for command in commands:
        taken.append(Step(observation, _why(world, command), command))
        transition = episode.step(command)
        world.step(command)
        observation, won = transition.observation, transition.terminated
        if won:
            break
    episode.close()
    return _trajectory(task, taken, observation.text, won)


def _why(world: World, command: str) -> str:
    best = planned_steps(world) or []
    for planned, stop in best:
        if planned == command:
            return explain(world, command, stop)
    # A shipped walkthrough may go another way of the same length.
    return reasons.plain(command)


def _explore(environment: AlfworldEnvironment, task: Task) -> Trajectory:
    episode = environment.open(task, 0)
    explorer = Explorer(SEARCHES[environment.options.search])
    observation = episode.reset()
    taken: list[Step] = []
    won = False
    while not won and len(taken) < _LONGEST_SEARCH:
        reason, action = explorer.act(task, taken, observation)
        taken.append(Step(observation, reason, action))
        transition = episode.step(action)
        observation, won = transition.observation, transition.terminated
    episode.close()
    return _trajectory(task, taken, observation.text, won)


def _trajectory(task: Task, taken: list[Step], final: str, won: bool) -> Trajectory:
    return Trajectory(
        task=task,
        steps=tuple(taken),
        final=final,
        outcome="success" if won else "failure",
        score=float(won),
        info={"success": won, "score": float(won)},
    )
