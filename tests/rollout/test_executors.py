"""Episodes in worker processes: the same records, and one bad environment costs one episode."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leap_core.config.schema import ExecutorConfig, RunConfig
from leap_core.contracts.environment import Episode
from leap_core.errors import ConfigError, EnvironmentFailure, LeapError
from leap_core.rollout import build_executor
from leap_core.testing.toy import ToyEnvironment, ToyOptions
from leap_core.types import Task, Trajectory
from tests.support.rollouts import PROCESSES, play, toy

LOCAL = ExecutorConfig(name="local")
IMPATIENT = ExecutorConfig(name="processes", workers=2, timeout=1.0)


def names(count: int) -> list[str]:
    return [t.id for t in toy().tasks("train")[:count]]


def errors(played: list[Trajectory]) -> list[tuple[str, str | None]]:
    return [(t.task.id, t.error) for t in played if t.outcome == "error"]


def without(name: str, played: list[Trajectory]) -> list[Trajectory]:
    return [t for t in played if t.task.id != name]


@pytest.fixture(scope="module")
def expected() -> list[Trajectory]:
    return play(toy(), LOCAL)


def test_processes_give_what_local_gives(expected: list[Trajectory]) -> None:
    assert play(toy()) == expected


@pytest.mark.parametrize("in_flight", [1, 5, 12, 40])
def test_the_number_in_flight_changes_nothing(in_flight: int, expected: list[Trajectory]) -> None:
    assert play(toy(), LOCAL, in_flight=in_flight) == expected


def test_never_more_than_so_many_are_open() -> None:
    environment, seen = toy(), []

    class Counting(ToyEnvironment):
        live = 0

        def open(self, task: Task, seed: int) -> Episode:  # type: ignore[override]
            Counting.live += 1
            seen.append(Counting.live)
            episode = super().open(task, seed)
            episode.close = lambda: setattr(Counting, "live", Counting.live - 1)  # type: ignore[method-assign]
            return episode

    assert len(play(Counting(environment.options), LOCAL, in_flight=5)) == 12
    assert max(seen) == 5 and Counting.live == 0


@pytest.mark.parametrize("executor", [LOCAL, PROCESSES], ids=lambda e: e.name)
def test_an_environment_that_raises_is_recorded(
    executor: ExecutorConfig, expected: list[Trajectory]
) -> None:
    bad = names(12)[3]
    played = play(toy(failing=[bad]), executor)
    assert errors(played) == [(bad, "the toy broke")]
    assert without(bad, played) == without(bad, expected)


@pytest.mark.parametrize("executor", [LOCAL, PROCESSES], ids=lambda e: e.name)
def test_what_goes_wrong_once_is_played_again(
    executor: ExecutorConfig, expected: list[Trajectory], tmp_path: Path
) -> None:
    bad = names(12)[3]
    assert play(toy(failing=[bad], mishaps=tmp_path), executor) == expected
    assert len(list(tmp_path.iterdir())) == 1


def test_an_environment_that_kills_its_process_costs_one_episode(
    expected: list[Trajectory],
) -> None:
    bad = names(12)[3]
    played = play(toy(crashing=[bad]))
    assert errors(played) == [(bad, "the worker process died (SIGKILL)")]
    assert without(bad, played) == without(bad, expected)


def test_an_environment_that_hangs_costs_one_episode(expected: list[Trajectory]) -> None:
    bad = names(12)[3]
    played = play(toy(hanging=[bad]), IMPATIENT, retries=1)
    assert errors(played) == [(bad, "the environment gave no answer within 1 s")]
    assert without(bad, played) == without(bad, expected)


def test_mishaps_that_happen_once_lose_nothing(expected: list[Trajectory], tmp_path: Path) -> None:
    a, b, c, d = names(12)[2:6]
    wild = toy(failing=[a], crashing=[b, d], hanging=[c], mishaps=tmp_path)
    assert play(wild, IMPATIENT) == expected


def test_workers_killed_from_outside_lose_nothing(expected: list[Trajectory]) -> None:
    killed = []

    def kill(count: int, scheduler: object) -> None:
        if count in (2, 6):
            desk = scheduler.executor.desks[len(killed)]  # type: ignore[attr-defined]
            killed.append(desk.worker.process.pid)
            os.kill(killed[-1], signal.SIGKILL)

    assert play(toy(step_seconds=0.02), after=kill) == expected
    assert len(set(killed)) == 2


def test_workers_end_with_the_rollout() -> None:
    pids: set[int] = set()

    def note(count: int, scheduler: object) -> None:
        pids.update(d.worker.process.pid for d in scheduler.executor.desks if d.worker)  # type: ignore[attr-defined]

    play(toy(), after=note)
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_workers_end_with_a_run_that_is_killed_while_they_hang() -> None:
    script = """
import sys, threading, time
from tests.support.rollouts import *
executor = ExecutorConfig(name="processes", workers=1)
def tell(scheduler):
    while scheduler.executor.desks[0].worker is None: time.sleep(0.01)
    print(scheduler.executor.desks[0].worker.process.pid, flush=True)
env = toy(hanging=[t.id for t in toy().tasks("train")[:1]])
from leap_core.rollout import scheduler as module
class Telling(module.Scheduler):
    def play(self, *args):
        threading.Thread(target=tell, args=(self,), daemon=True).start()
        super().play(*args)
import tests.support.rollouts as playing
playing.Scheduler = Telling
play(env, executor, tasks=1)
"""
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    worker = int(run.stdout.readline())
    run.kill()
    run.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{worker}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{worker}").exists()


class Unloadable(ToyEnvironment):
    """Pickles, but cannot be unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_refuse, ())


def _refuse() -> None:
    raise OSError("no data on this machine")


def test_an_environment_that_no_worker_can_hold_is_one_sentence() -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        play(Unloadable(ToyOptions()))
    assert "no worker can be started" in str(caught.value)
    assert "no data on this machine" in str(caught.value)


def test_an_environment_that_cannot_be_sent_is_refused_at_once() -> None:
    environment = toy()
    environment.hook = lambda: None  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"cannot be sent to other processes.*executor 'local'"):
        build_executor(PROCESSES, environment, 4)


def test_options_that_an_executor_has_no_use_for_are_refused() -> None:
    with pytest.raises(ValueError, match="'local' has no use for workers"):
        ExecutorConfig(name="local", workers=3)
    with pytest.raises(ValueError, match="'processes' has no use for address"):
        ExecutorConfig(name="processes", address="auto")


def test_an_executor_may_be_named_in_one_word_and_read_back() -> None:
    data = {
        "environment": {"name": "toy"}, "student": {"model": "x"}, "updater": {"name": "keep"},
        "rollouts": {"executor": "processes"},
    }  # fmt: skip
    config = RunConfig.model_validate(data)
    assert config.rollouts.executor == ExecutorConfig(name="processes")
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


def test_an_error_that_ends_all_comes_out_of_a_worker() -> None:
    with pytest.raises(LeapError, match="out of money"):
        play(Spent(ToyOptions()))


class Spent(ToyEnvironment):
    """Asks a model whose budget is spent."""

    def open(self, task: Task, seed: int) -> Episode:  # type: ignore[override]
        from leap_core.errors import BudgetExceeded

        raise BudgetExceeded("out of money")
