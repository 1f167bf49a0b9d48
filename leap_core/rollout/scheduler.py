"""Keeps many episodes in flight and asks the engine for all that wait, together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from leap_core.environment import Environment, Episode
from leap_core.errors import BudgetExceeded, EnvironmentFailure, PolicyError
from leap_core.policy.engine import Engine, Request
from leap_core.policy.layout import PromptWriter
from leap_core.policy.reply import parse_reply
from leap_core.types import Observation, Outcome, Prompt, Step, Task, Trajectory, Transition


@dataclass
class _Live:
    """One episode in flight."""

    task: Task
    episode: Episode
    observation: Observation
    trunk: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    malformed: int = 0
    result: Trajectory | None = None


def roll_out(
    environment: Environment,
    engine: Engine,
    writer: PromptWriter,
    tasks: Sequence[Task],
    *,
    seed: int,
    in_flight: int,
    on_trajectory: Callable[[Trajectory], None],
) -> None:
    """Play every task once, in blocks of `in_flight`; hand over trajectories in task order.

    A task whose environment fails is handed over with outcome "error"; none is left out. A block
    is always made of the same tasks, so that a resumed run repeats exactly what was cut off.
    """
    for start in range(0, len(tasks), in_flight):
        block = tasks[start : start + in_flight]
        for trajectory in _play(environment, engine, writer, block, seed):
            on_trajectory(trajectory)


def _play(
    environment: Environment,
    engine: Engine,
    writer: PromptWriter,
    tasks: Sequence[Task],
    seed: int,
) -> list[Trajectory]:
    results: dict[int, Trajectory] = {}
    live: dict[int, _Live] = {}
    for index, task in enumerate(tasks):
        opened = _open(environment, writer, task, seed)
        if isinstance(opened, Trajectory):
            results[index] = opened
        else:
            live[index] = opened
    try:
        while live:
            requests = [_request(e, writer, seed) for e in live.values()]
            replies = engine.reply(requests)
            for (index, episode), text in zip(list(live.items()), replies, strict=True):
                _step(episode, text, writer, seed)
                if episode.result is not None:
                    results[index] = episode.result
                    engine.forget(_key(episode.task, seed))
                    episode.episode.close()
                    del live[index]
    finally:
        for episode in live.values():
            episode.episode.close()
    return [results[index] for index in range(len(tasks))]


def _open(
    environment: Environment, writer: PromptWriter, task: Task, seed: int
) -> _Live | Trajectory:
    try:
        episode = environment.open(task, seed)
        observation = episode.reset()
    except (PolicyError, BudgetExceeded):
        raise
    except Exception as error:  # an environment's failure is a record, never the end of the run
        return _errored(task, (), seed, error)
    return _Live(task, episode, observation, [writer.opening(task, observation)])


def _request(live: _Live, writer: PromptWriter, seed: int) -> Request:
    prompt = Prompt(tuple(live.trunk), writer.branch(live.observation))
    history = tuple(live.steps)
    return Request(_key(live.task, seed), prompt, seed, live.task, history, live.observation)


def _step(live: _Live, text: str, writer: PromptWriter, seed: int) -> None:
    reply = parse_reply(text)
    live.malformed += not reply.well_formed
    try:
        transition = live.episode.step(reply.action)
    except Exception as error:  # as above
        live.result = _errored(live.task, live.steps, seed, error)
        return
    live.steps.append(Step(live.observation, reply.reason, reply.action, transition.reward))
    live.trunk.append(writer.turn(reply.action, transition.observation))
    live.observation = transition.observation
    if transition.terminated or transition.truncated or len(live.steps) >= writer.horizon:
        live.result = _finished(live, transition, seed)


def _finished(live: _Live, last: Transition, seed: int) -> Trajectory:
    won = bool(last.info.get("success", False))
    outcome: Outcome = "success" if won else "failure"
    return Trajectory(
        task=live.task,
        steps=tuple(live.steps),
        final=live.observation.text,
        outcome=outcome,
        score=float(last.info.get("score", float(won))),
        seed=seed,
        malformed=live.malformed,
        info=dict(last.info),
    )


def _errored(task: Task, steps: Sequence[Step], seed: int, error: Exception) -> Trajectory:
    kind = "" if isinstance(error, EnvironmentFailure) else f"{type(error).__name__}: "
    why = f"{kind}{error}"
    return Trajectory(task=task, steps=tuple(steps), outcome="error", seed=seed, error=why)


def _key(task: Task, seed: int) -> str:
    return f"{task.id}#{seed}"
