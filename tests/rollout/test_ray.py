"""Episodes in actors of a real local cluster of two nodes, one of which goes away."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leap_core.config.schema import ExecutorConfig
from leap_core.errors import ConfigError, EnvironmentFailure
from leap_core.rollout import build_executor
from leap_core.types import Trajectory
from tests.support.privileged_states import corrected, source
from tests.support.rollouts import play, toy

ray = pytest.importorskip("ray", reason="Ray is not installed (leap-core[ray])")

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100_000_000}
QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor each, connected to."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        head = {**NODE, "include_dashboard": False, "_system_config": QUICK_TO_NOTICE}
        made = Cluster(initialize_head=True, head_node_args=head)
        made.second = made.add_node(**NODE)
        try:
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


@pytest.fixture(scope="module")
def expected() -> list[Trajectory]:
    return play(toy(), ExecutorConfig(name="local"))


def on(cluster: Any, **options: Any) -> ExecutorConfig:
    return ExecutorConfig(name="ray", address=cluster.address, **options)


def test_it_finds_room_and_gives_what_local_gives(
    cluster: Any, expected: list[Trajectory], tmp_path: Path
) -> None:
    nodes: set[str] = set()

    def note(count: int, scheduler: Any) -> None:
        assert len(scheduler.executor.desks) == 2
        nodes.update(desk.worker.node for desk in scheduler.executor.desks if desk.worker)

    failing = [t.task.id for t in expected[2:3]]
    wild = toy(step_seconds=0.02, failing=failing, mishaps=tmp_path)
    assert play(wild, on(cluster), after=note) == expected
    assert len(nodes) == 2


def test_a_crash_costs_one_episode(cluster: Any, expected: list[Trajectory]) -> None:
    bad = expected[3].task.id
    played = play(toy(crashing=[bad]), on(cluster, workers=1), retries=0)
    assert [(t.task.id, t.error) for t in played if t.outcome == "error"] == [
        (bad, "the Ray actor died")
    ]
    assert [t for t in played if t.task.id != bad] == [t for t in expected if t.task.id != bad]


def test_a_hang_costs_one_episode(cluster: Any, expected: list[Trajectory]) -> None:
    bad = expected[3].task.id
    played = play(toy(hanging=[bad]), on(cluster, workers=1, timeout=2.0), retries=0)
    assert [t.error for t in played if t.outcome == "error"] == [
        "the environment gave no answer within 2 s"
    ]
    assert [t for t in played if t.task.id != bad] == [t for t in expected if t.task.id != bad]


def test_actors_find_privileged_states(cluster: Any, expected: list[Trajectory]) -> None:
    here = corrected(expected, source(), ExecutorConfig(name="local"))
    assert len(here) == len(expected)
    assert corrected(expected, source(), on(cluster, workers=1)) == here


def test_no_room_is_one_sentence(cluster: Any) -> None:
    with pytest.raises(EnvironmentFailure, match=r"no room to an actor that asks for .*1 sandbox"):
        play(toy(), on(cluster, workers=1, resources={"sandbox": 1.0}, start_timeout=1.0))


def test_a_node_that_goes_away_loses_nothing(cluster: Any, expected: list[Trajectory]) -> None:
    workers: list[Any] = []

    def leave(count: int, scheduler: Any) -> None:
        if count == 3:
            workers.extend(desk.worker for desk in scheduler.executor.desks)
            raylets = [
                process.process.pid
                for name, running in cluster.second.all_processes.items()
                for process in running
                if "raylet" in name
            ]
            assert raylets
            for pid in raylets:
                os.kill(pid, signal.SIGKILL)
            cluster.remove_node(cluster.second, allow_graceful=False)

    slow = toy(step_seconds=0.1)
    assert play(slow, on(cluster, workers=2), after=leave, retries=0) == expected
    assert len({worker.node for worker in workers}) == 2


def test_a_cluster_that_is_not_there_is_one_sentence() -> None:
    if ray.is_initialized():
        ray.shutdown()
    choice = ExecutorConfig(name="ray", address="127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"cannot connect to the Ray cluster at '127.0.0.1:1'"):
        build_executor(choice, toy(), 4)
