"""What runs in a worker process: it holds episodes and carries out one command after another."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from multiprocessing.connection import Connection

from leap_core.errors import LeapError
from leap_core.rollout.executors.base import Command, EpisodeHost, Failure, WorkerReply, error_text

READY = "ready"
_PARENT_CHECK = 1.0


def main() -> None:
    """Serve commands from the socket whose number is the last argument, until it is closed."""
    connection = Connection(int(sys.argv[-1]))
    os.dup2(2, 1)  # what an environment prints is no result of ours
    threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
    try:
        path, pickled = connection.recv()
        sys.path[:] = path
        host = EpisodeHost(*pickle.loads(pickled))  # noqa: S301 - from the parent process
    except Exception as error:
        connection.send(Failure(error_text(error)))
        return
    connection.send(READY)
    try:
        while True:
            connection.send_bytes(answer_in_bytes(host, connection.recv()))
    except (EOFError, OSError):
        host.close()
    os._exit(0)  # threads that an environment left behind hold nothing up


def answer_in_bytes(host: EpisodeHost, command: Command) -> bytes:
    """Carry out a command and pickle the answer, whatever it is."""
    answer: WorkerReply | LeapError | None
    try:
        answer = host.handle(command)
    except LeapError as error:
        answer = error
    try:
        return pickle.dumps(answer)
    except Exception as error:
        return pickle.dumps(
            Failure(f"its answer cannot leave the worker process: {error_text(error)}")
        )


def _follow_parent(parent: int) -> None:
    """End with the run, even when it is killed while an environment hangs here."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK)
    os._exit(1)
