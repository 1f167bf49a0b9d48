"""Privileged states found where episodes are played: workers for slow or fragile replays too."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from leap_core.config.schema import RolloutConfig
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.errors import ConfigError, EnvironmentFailure, LeapError
from leap_core.rollout.executors.base import (
    CloseEpisode,
    Executor,
    Failure,
    GetPrivilegedStates,
    PrivilegedStates,
    WorkerReply,
)
from leap_core.rollout.executors.build import build_executor
from leap_core.rollout.scheduler import MOST_LOSSES
from leap_core.types import PrivilegedState, Trajectory


class PrivilegedStateWorkers:
    """Asks an executor's workers for privileged states; used in one event loop."""

    def __init__(self, executor: Executor, retries: int) -> None:
        self.executor = executor
        self.retries = retries
        self._slots = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[WorkerReply]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: LeapError | None = None

    async def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """The state before each step.

        Raises:
            EnvironmentFailure: the replay raised, crashed or hung, once more often than `retries`.
            ConfigError: no worker is left that could do it.
        """
        failures = losses = 0
        while True:
            answer = await self._ask(trajectory)
            if isinstance(answer, PrivilegedStates):
                return answer.states
            assert isinstance(answer, Failure)
            failures += answer.is_cause
            losses += not answer.is_cause
            if failures > self.retries or losses > MOST_LOSSES:
                raise EnvironmentFailure(answer.why)

    async def _ask(self, trajectory: Trajectory) -> WorkerReply:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self.executor.start(self._deliver)
        if self._ended is not None:
            raise self._ended
        slot = next(self._slots)
        self._waiting[slot] = self._loop.create_future()
        try:
            self.executor.send(GetPrivilegedStates(slot, trajectory))
            return await self._waiting[slot]
        finally:
            del self._waiting[slot]
            self.executor.send(CloseEpisode(slot))

    def _deliver(self, slot: int, answer: WorkerReply | LeapError) -> None:
        """From a worker's thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._take, slot, answer)

    def _take(self, slot: int, answer: WorkerReply | LeapError) -> None:
        if isinstance(answer, LeapError):
            self._ended = ConfigError(f"{answer} (rollouts.executor)")
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(self._ended)
        elif slot in self._waiting and not self._waiting[slot].done():
            self._waiting[slot].set_result(answer)


@contextmanager
def privileged_state_workers(
    rollouts: RolloutConfig, source: PrivilegedSource, at_once: int
) -> Iterator[PrivilegedStateWorkers | None]:
    """Replays by the executor of the rollouts; None where that is this process itself.

    Raises:
        ConfigError: the source cannot be sent to other processes.
    """
    if rollouts.executor.name == "local":
        yield None
        return
    executor = build_executor(rollouts.executor, source.environment, at_once, source)
    try:
        yield PrivilegedStateWorkers(executor, rollouts.retries)
    finally:
        executor.close()
