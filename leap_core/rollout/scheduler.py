"""Keeps many episodes in flight and asks the engine for all that wait, together.

One loop, one inbox: executors put observations in it, engines put replies in it. Whatever prompts
are ready make the next batch, so the model never waits for the slowest environment; workers step
their episodes while the model computes, so they never wait for each other.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from leap_core.contracts.engine import Engine, Refusal, Request
from leap_core.contracts.environment import Environment
from leap_core.contracts.play import trajectory_of
from leap_core.errors import LeapError
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import Reply, parse_reply
from leap_core.rollout.executors.base import (
    CloseEpisode,
    Executor,
    Failure,
    LocalExecutor,
    OpenEpisode,
    StepEpisode,
    WorkerReply,
)
from leap_core.types import Observation, Prompt, Step, Task, Trajectory, Transition

RETRIES = 2
MOST_LOSSES = 10
"""Times that an episode may fall with its worker, through no fault of its own."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One episode to play; `index` is its place among the records."""

    index: int
    task: Task
    seed: int

    @property
    def key(self) -> str:
        """The episode's name at the engine."""
        return f"{self.task.id}#{self.seed}"


def assignments(tasks: Sequence[Task], seeds: Sequence[int]) -> list[Assignment]:
    """Every task once for each seed, seed by seed."""
    pairs = [(task, seed) for seed in seeds for task in tasks]
    return [Assignment(index, task, seed) for index, (task, seed) in enumerate(pairs)]


_Message: TypeAlias = "WorkerReply | str | Refusal"

OnEpisode = Callable[[Assignment, Trajectory], None]
"""Takes finished episodes, in the order in which they end."""


@dataclass
class _Live:
    """One attempt at an episode."""

    assignment: Assignment
    failures: int = 0
    losses: int = 0
    observation: Observation | None = None
    trunk: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    reply: Reply | None = None
    malformed: int = 0


class Scheduler:
    """Plays assignments with an engine, `in_flight` at a time.

    `retries`: an episode whose environment raises, crashes or hangs is begun again this many
    times, then recorded with outcome "error"; none is left out.
    """

    def __init__(
        self,
        executor: Executor,
        engine: Engine,
        writer: PromptRenderer,
        *,
        in_flight: int,
        retries: int = RETRIES,
    ) -> None:
        self.executor = executor
        self.engine = engine
        self.writer = writer
        self.in_flight = in_flight
        self.retries = retries
        self._inbox: queue.SimpleQueue[tuple[int, _Message | LeapError]] = queue.SimpleQueue()
        self._pending: Iterator[Assignment] = iter(())
        self._live: dict[int, _Live] = {}
        self._ready: list[int] = []
        self._slots = 0

    def play(self, todo: Iterable[Assignment], keep: OnEpisode) -> None:
        """Play everything; the executor is closed at the end, however it comes.

        Raises:
            PolicyError: the model cannot answer. What was kept need not be played again.
        """
        self._keep = keep
        self._pending = iter(todo)
        try:
            self.executor.start(lambda slot, answer: self._inbox.put((slot, answer)))
            self._fill()
            while self._live:
                self._take()
                self._ask()
        finally:
            self.executor.close()

    def _fill(self) -> None:
        """Begin episodes as long as there is room."""
        while len(self._live) < self.in_flight:
            assignment = next(self._pending, None)
            if assignment is None:
                return
            self._begin(_Live(assignment))

    def _begin(self, live: _Live) -> None:
        self._slots += 1
        self._live[self._slots] = live
        task, seed = live.assignment.task, live.assignment.seed
        self.executor.send(OpenEpisode(self._slots, task, seed))

    def _take(self) -> None:
        """Take in everything that has come; wait for it if no prompt is ready."""
        wait = not self._ready
        try:
            while True:
                slot, message = self._inbox.get(block=wait)
                wait = False
                if isinstance(message, LeapError):
                    raise message
                if slot in self._live:  # else of an attempt that was given up
                    self._read(slot, self._live[slot], message)
        except queue.Empty:
            pass

    def _read(self, slot: int, live: _Live, message: _Message) -> None:
        if isinstance(message, str):
            live.reply = parse_reply(message)
            live.malformed += not live.reply.well_formed
            self.executor.send(StepEpisode(slot, live.reply.action))
        elif isinstance(message, Observation):
            live.observation = message
            live.trunk.append(self.writer.opening(live.assignment.task, message))
            self._ready.append(slot)
        elif isinstance(message, Transition):
            self._advance(slot, live, message)
        elif isinstance(message, Refusal):
            self._end(slot, _errored(live, message.why))
        elif isinstance(message, Failure):
            self._fail(slot, live, message)

    def _advance(self, slot: int, live: _Live, transition: Transition) -> None:
        assert live.observation is not None and live.reply is not None
        reply, live.reply = live.reply, None
        live.steps.append(
            Step(
                observation=live.observation,
                reason=reply.reason,
                action=reply.action,
                reward=transition.reward,
            )
        )
        live.trunk.append(self.writer.turn(reply.action, transition.observation))
        live.observation = transition.observation
        over = transition.terminated or transition.truncated
        if over or len(live.steps) >= self.writer.horizon:
            self._end(slot, _finished(live, transition))
        else:
            self._ready.append(slot)

    def _fail(self, slot: int, live: _Live, problem: Failure) -> None:
        """Begin again, or record the error."""
        live.failures += problem.is_cause
        live.losses += not problem.is_cause
        if live.failures > self.retries or live.losses > MOST_LOSSES:
            self._end(slot, _errored(live, problem.why))
            return
        self._forget(slot)
        self._begin(_Live(live.assignment, live.failures, live.losses))

    def _end(self, slot: int, trajectory: Trajectory) -> None:
        assignment = self._live[slot].assignment
        self._forget(slot)
        self._keep(assignment, trajectory)
        self._fill()

    def _forget(self, slot: int) -> None:
        live = self._live.pop(slot)
        if slot in self._ready:
            self._ready.remove(slot)
        self.engine.forget(live.assignment.key)
        self.executor.send(CloseEpisode(slot))

    def _ask(self) -> None:
        """Send every prompt that is ready to the engine."""
        if not self._ready:
            return
        slots, self._ready = self._ready, []
        requests = [self._request(self._live[slot]) for slot in slots]
        self.engine.send(requests, lambda place, reply: self._inbox.put((slots[place], reply)))

    def _request(self, live: _Live) -> Request:
        assert live.observation is not None
        prompt = Prompt(trunk=tuple(live.trunk), branch=self.writer.branch(live.observation))
        task, seed = live.assignment.task, live.assignment.seed
        return Request(
            episode=live.assignment.key,
            prompt=prompt,
            seed=seed,
            task=task,
            history=tuple(live.steps),
            observation=live.observation,
        )


def roll_out(
    environment: Environment,
    engine: Engine,
    writer: PromptRenderer,
    tasks: Sequence[Task],
    *,
    seed: int,
    in_flight: int,
    on_trajectory: Callable[[Trajectory], None],
) -> None:
    """Play every task once, in this process; hand over trajectories in task order."""
    early: dict[int, Trajectory] = {}
    following = 0

    def keep(assignment: Assignment, trajectory: Trajectory) -> None:
        nonlocal following
        early[assignment.index] = trajectory
        while following in early:
            on_trajectory(early.pop(following))
            following += 1

    scheduler = Scheduler(LocalExecutor(environment), engine, writer, in_flight=in_flight)
    scheduler.play(assignments(tasks, [seed]), keep)


def _finished(live: _Live, last: Transition) -> Trajectory:
    return trajectory_of(
        live.assignment.task,
        live.steps,
        last,
        seed=live.assignment.seed,
        malformed=live.malformed,
    )


def _errored(live: _Live, why: str) -> Trajectory:
    return Trajectory(
        task=live.assignment.task,
        steps=tuple(live.steps),
        outcome="error",
        seed=live.assignment.seed,
        error=why,
        malformed=live.malformed,
    )
