"""Worker processes on this machine."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.errors import ConfigError, LeapError
from leap_core.rollout.executors.base import Command, Failure, WorkerReply, error_text
from leap_core.rollout.executors.pool import WorkerLost
from leap_core.rollout.executors.worker import READY

_START = "from leap_core.rollout.executors.worker import main; main()"
_GRACE = 3.0
"""Seconds for a worker to close its episodes."""


class ProcessWorker:
    """One worker process; it and all that its environment started die together."""

    def __init__(self, pickled: bytes, start_timeout: float) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the run's business
                env={"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(_path())},
            )
        self.connection = Connection(ours.detach())
        try:
            self.connection.send((_path(), pickled))
            greeting = self._receive(start_timeout)
        except (WorkerLost, OSError) as error:
            self.stop()
            raise WorkerLost(f"the worker process did not start: {error}") from error
        if greeting != READY:
            self.stop()
            why = greeting.why if isinstance(greeting, Failure) else repr(greeting)
            raise WorkerLost(f"the worker process cannot hold the environment: {why}")

    def call(self, command: Command, timeout: float) -> WorkerReply | LeapError | None:
        """Have a command carried out.

        Raises:
            WorkerLost: the process is gone, or gives no answer in time.
        """
        try:
            self.connection.send(command)
        except OSError:
            raise WorkerLost(f"its worker process was gone ({self._end()})", False) from None
        answer: WorkerReply | LeapError | None = self._receive(timeout)
        return answer

    def _receive(self, timeout: float) -> Any:
        try:
            if not self.connection.poll(timeout):
                raise WorkerLost(f"the environment gave no answer within {timeout:g} s")
            return self.connection.recv()
        except (EOFError, OSError):
            raise WorkerLost(f"the worker process died ({self._end()})") from None

    def _end(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        code = self.process.returncode
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return f"exit code {code}"

    def stop(self, grace: float = 0.0) -> None:
        """End the process; `grace` are seconds in which it may close its episodes."""
        if grace:
            with contextlib.suppress(OSError):
                self.connection.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if not grace:
            with contextlib.suppress(OSError):
                self.connection.close()


class ProcessWorkerFactory:
    """Starts worker processes for an environment."""

    def __init__(
        self, environment: Environment, start_timeout: float, source: PrivilegedSource | None = None
    ) -> None:
        self.pickled = pickled(environment, source)
        self.start_timeout = start_timeout

    def __call__(self, closing: threading.Event) -> ProcessWorker:
        return ProcessWorker(self.pickled, self.start_timeout)

    def close(self) -> None:
        """Nothing is shared by the workers."""


def pickled(environment: Environment, source: PrivilegedSource | None = None) -> bytes:
    """What a worker's `EpisodeHost` is made of, as bytes.

    Raises:
        ConfigError: it cannot be sent to another process.
    """
    try:
        return pickle.dumps((environment, source))
    except Exception as error:
        what = f"environment '{type(environment).__name__}'"
        if source is not None:
            what = f"privileged source '{type(source).__name__}'"
        raise ConfigError(
            f"the {what} cannot be sent to other processes ({error_text(error)}); "
            "use the executor 'local'"
        ) from error


def _path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" is the folder we are in
