"""Workers that hold episodes: which episode is where, who is lost with whom, who comes instead.

A worker does one thing at a time, so when it dies or hangs, the command under way is to blame. That
episode is reported as failed; the others that it held are reported as lost, and a new worker takes
its place. One thread drives each worker.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import Protocol

from leap_core.errors import EnvironmentFailure, LeapError
from leap_core.rollout.executors.base import (
    CloseEpisode,
    Command,
    Deliver,
    Executor,
    Failure,
    GetPrivilegedStates,
    OpenEpisode,
    WorkerReply,
)

_PAUSE = 1.0
"""Seconds before a worker that could not be started is tried again."""
_GRACE = 5.0
"""Seconds for a worker to close its episodes at the end."""


class WorkerLost(Exception):
    """A worker is gone or hangs. `blamed`: what it was doing may be the cause."""

    def __init__(self, why: str, is_cause: bool = True) -> None:
        super().__init__(why)
        self.is_cause = is_cause


class Worker(Protocol):
    """Something that carries out commands elsewhere."""

    def call(self, command: Command, timeout: float) -> WorkerReply | LeapError | None:
        """Wait for the answer of one command, or raise `WorkerLost`."""

    def stop(self, grace: float = 0.0) -> None:
        """End it; another thread may be in `call`, which then raises."""


class WorkerFactory(Protocol):
    """Starts workers."""

    def __call__(self, closing: threading.Event) -> Worker:
        """Start one, or raise `WorkerLost`; give up when `closing` is set."""

    def close(self) -> None:
        """Free what the workers shared."""


@dataclass(eq=False)
class _WorkerSlot:
    """A worker's place: what it is to do, and the episodes that it holds."""

    number: int
    commands: queue.SimpleQueue[Command | None] = field(default_factory=queue.SimpleQueue)
    slots: set[int] = field(default_factory=set)
    worker: Worker | None = None
    refused: int = 0


class PoolExecutor(Executor):
    """Spreads episodes over `workers` workers and replaces those that are lost.

    `timeout`: seconds after which an environment that does not answer is taken for hung.
    """

    def __init__(self, hire: WorkerFactory, workers: int, timeout: float) -> None:
        self.hire = hire
        self.timeout = timeout
        self.desks = [_WorkerSlot(number) for number in range(workers)]
        self._where: dict[int, _WorkerSlot] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, deliver: Deliver) -> None:
        self.deliver = deliver
        for desk in self.desks:
            name = f"worker-{desk.number}"
            thread = threading.Thread(target=self._run, args=(desk,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def send(self, command: Command) -> None:
        with self._lock:
            if isinstance(command, (OpenEpisode, GetPrivilegedStates)):
                desk = min(self.desks, key=lambda d: (d.worker is None, len(d.slots)))
                self._where[command.slot] = desk
                desk.slots.add(command.slot)
            elif command.slot not in self._where:
                return  # lost a moment ago; whoever sent this will hear of it
            desk = self._where[command.slot]
            if isinstance(command, CloseEpisode):
                del self._where[command.slot]
                desk.slots.discard(command.slot)
            desk.commands.put(command)

    def close(self) -> None:
        if self._closing.is_set():
            return
        self._closing.set()
        for desk in self.desks:
            desk.commands.put(None)
        stops = [
            threading.Thread(target=d.worker.stop, args=(_GRACE,)) for d in self.desks if d.worker
        ]
        for thread in stops:
            thread.start()
        for thread in [*stops, *self._threads]:
            thread.join(timeout=4 * _GRACE)
        self.hire.close()

    # One thread for each desk

    def _run(self, desk: _WorkerSlot) -> None:
        while not self._closing.is_set():
            try:
                worker = self.hire(self._closing)
            except WorkerLost as lost:
                self._refused(desk, lost)
                self._closing.wait(_PAUSE)
                continue
            except Exception as error:
                failure = error if isinstance(error, LeapError) else _unexpected(error)
                self.deliver(-1, failure)
                return
            with self._lock:
                desk.worker, desk.refused = worker, 0
            self._work(desk, worker)
            worker.stop(_GRACE if self._closing.is_set() else 0.0)

    def _work(self, desk: _WorkerSlot, worker: Worker) -> None:
        """Carry out commands until there are no more, or the worker is lost."""
        while (command := desk.commands.get()) is not None:
            try:
                answer = worker.call(command, self.timeout)
            except WorkerLost as lost:
                culprit = (
                    command.slot
                    if lost.is_cause and not isinstance(command, CloseEpisode)
                    else None
                )
                self._lose(desk, culprit, str(lost))
                return
            except Exception as error:
                self.deliver(-1, _unexpected(error))
                return
            if answer is not None:
                self.deliver(command.slot, answer)

    def _lose(self, desk: _WorkerSlot, culprit: int | None, why: str) -> None:
        with self._lock:
            lost, desk.slots, desk.worker = desk.slots, set(), None
            for slot in lost:
                del self._where[slot]
            _empty(desk.commands)
        if self._closing.is_set():
            desk.commands.put(None)
            return
        for slot in sorted(lost):
            self.deliver(slot, Failure(why, is_cause=slot == culprit))

    def _refused(self, desk: _WorkerSlot, lost: WorkerLost) -> None:
        """No worker could be started: others take over, unless there is none."""
        desk.refused += 1
        with self._lock:
            hopeless = all(d.worker is None and d.refused for d in self.desks)
        if hopeless:
            self.deliver(-1, EnvironmentFailure(f"no worker can be started: {lost}"))
        self._lose(desk, None, str(lost))


def _empty(commands: queue.SimpleQueue[Command | None]) -> None:
    try:
        while True:
            commands.get_nowait()
    except queue.Empty:
        pass


def _unexpected(error: Exception) -> LeapError:
    return EnvironmentFailure(f"a worker's thread failed: {type(error).__name__}: {error}")
