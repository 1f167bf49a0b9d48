"""Workers as actors of a Ray cluster: an existing one by address, or one started here."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import threading
import time
from typing import Any

from leap_core.config.schema import ExecutorConfig
from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.errors import ConfigError, LeapError, MissingExtra
from leap_core.rollout.executors.base import Command, EpisodeHost, WorkerReply
from leap_core.rollout.executors.pool import WorkerLost
from leap_core.rollout.executors.processes import pickled
from leap_core.rollout.executors.worker import answer_in_bytes

_LOOK = 0.5
"""Seconds between looks at whether an actor has started, or is wanted no more."""

_VERDICT = 30.0
"""Seconds for the cluster to find out whether an actor or its whole node is gone."""


class _Actor:
    """What runs on a node: holds episodes and carries out one command after another."""

    def __init__(self, pickled_parts: bytes) -> None:
        self.host = EpisodeHost(*pickle.loads(pickled_parts))  # noqa: S301 - from the run

    def node(self) -> str:
        """Id of the node that it runs on; answered once the environment is there."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def handle(self, command: Command) -> bytes:
        """Carry out a command; its pickled answer."""
        return answer_in_bytes(self.host, command)

    def close(self) -> None:
        """Close every episode."""
        self.host.close()


class RayWorker:
    """One actor."""

    def __init__(self, actor: Any, node: str) -> None:
        self.actor = actor
        self.node = node

    def call(self, command: Command, timeout: float) -> WorkerReply | LeapError | None:
        """Have a command carried out.

        Raises:
            WorkerLost: the actor or its node is gone, or gives no answer in time.
        """
        import ray

        try:
            answer: WorkerReply | LeapError | None = pickle.loads(  # noqa: S301 - from our own actor
                ray.get(self.actor.handle.remote(command), timeout=timeout)
            )
        except ray.exceptions.GetTimeoutError:
            raise WorkerLost(f"the environment gave no answer within {timeout:g} s") from None
        except ray.exceptions.RayActorError as error:
            lost_with_node = self._left_with_its_node(error)
            why = "its node left the Ray cluster" if lost_with_node else "the Ray actor died"
            raise WorkerLost(why, is_cause=not lost_with_node) from None
        except ray.exceptions.RayError as error:
            raise WorkerLost(f"the Ray actor failed: {_last_line(error)}") from None
        return answer

    def _left_with_its_node(self, error: Exception) -> bool:
        """Whether an actor was lost with its node; the cluster may need a moment to know."""
        import ray

        deadline = time.monotonic() + _VERDICT
        while self._node_is_alive():
            if not isinstance(error, ray.exceptions.ActorUnavailableError):
                return False  # the cluster has buried this one actor
            if time.monotonic() > deadline:
                return False
            try:
                ray.get(self.actor.node.remote(), timeout=_LOOK)
            except ray.exceptions.GetTimeoutError:
                pass
            except ray.exceptions.RayActorError as verdict:
                error = verdict
                time.sleep(0.1)
        return True

    def _node_is_alive(self) -> bool:
        import ray

        return any(node["NodeID"] == self.node and node["Alive"] for node in ray.nodes())

    def stop(self, grace: float = 0.0) -> None:
        """End the actor; `grace` are seconds in which it may close its episodes."""
        import ray

        with contextlib.suppress(ray.exceptions.RayError):
            if grace:
                ray.get(self.actor.close.remote(), timeout=grace)
        with contextlib.suppress(ray.exceptions.RayError):
            ray.kill(self.actor)


class RayWorkerFactory:
    """Starts actors. The connection to the cluster stays for the life of the process."""

    def __init__(
        self,
        environment: Environment,
        choice: ExecutorConfig,
        source: PrivilegedSource | None = None,
    ) -> None:
        self.pickled = pickled(environment, source)
        self.choice = choice
        ray = _connect(choice.address)
        self.actors = ray.remote(
            num_cpus=choice.cpus, resources=choice.resources or None, max_restarts=0
        )(_Actor)

    def __call__(self, closing: threading.Event) -> RayWorker:
        """Start an actor, and wait until the cluster has given it room."""
        import ray

        actor = self.actors.remote(self.pickled)
        where = actor.node.remote()
        deadline = time.monotonic() + self.choice.start_timeout
        try:
            while not ray.wait([where], timeout=_LOOK)[0]:
                if closing.is_set() or time.monotonic() > deadline:
                    ray.kill(actor)
                    raise WorkerLost(
                        f"the Ray cluster gave no room to an actor that asks for {self._asked()} "
                        f"within {self.choice.start_timeout:g} s"
                    )
            return RayWorker(actor, ray.get(where))
        except ray.exceptions.RayError as error:
            raise WorkerLost(f"the Ray actor did not start: {_last_line(error)}") from None

    def _asked(self) -> str:
        asked = {"CPU": self.choice.cpus, **self.choice.resources}
        return ", ".join(f"{amount:g} {name}" for name, amount in asked.items())

    def room(self) -> int:
        """How many actors the cluster can hold."""
        import ray

        have = ray.cluster_resources()
        asked = {"CPU": self.choice.cpus, **self.choice.resources}
        rooms = [have.get(name, 0.0) / amount for name, amount in asked.items() if amount]
        return max(1, int(min(rooms, default=1.0)))

    def close(self) -> None:
        """The connection stays, for the next stage."""


def _connect(address: str | None) -> Any:
    """Join the cluster at `address`, or start one here; nothing if there is a connection."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise MissingExtra("the executor 'ray'", "ray", "leap-core[ray]") from None
    if ray.is_initialized():
        return ray
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address is not None:
            _reach(address)
        if address is None:
            ray.init(address="local", include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        where = f"the Ray cluster at '{address}'" if address else "a Ray cluster on this machine"
        raise ConfigError(f"cannot connect to {where}: {_last_line(error)}") from error
    return ray


def _reach(address: str) -> None:
    """Knock at HOST:PORT: Ray itself waits minutes for a cluster that is not there."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
