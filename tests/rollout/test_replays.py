"""Privileged states from an executor's workers: the same corrections, and mishaps cost one each."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from leap_core import (
    ConfigError,
    EnvironmentFailure,
    PrivilegedState,
    Trajectory,
)
from leap_core.config.schema import ExecutorConfig, RolloutConfig
from leap_core.rollout import privileged_state_workers
from leap_core.testing.toy import ToySource
from tests.support.privileged_states import corrected, source
from tests.support.rollouts import play, toy

WORKERS = ExecutorConfig(name="processes", workers=2, timeout=1.0)


class Unruly(ToySource):
    """Raises, dies or hangs on some trajectories; where `notes` is a folder, only once on each."""

    notes: Path | None = None

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        number = trajectory.task.id[-1]
        note = self.notes / number if self.notes else None
        if number in "357" and not (note and note.exists()):
            if note:
                note.touch()
            if number == "3":
                raise EnvironmentFailure("no such place")
            if number == "5":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(1e6)
        return super().states(trajectory)


class Unloadable(ToySource):
    """Pickles, but cannot be unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_refuse, ())


def _refuse() -> None:
    raise OSError("no data on this machine")


@pytest.fixture(scope="module")
def played() -> list[Trajectory]:
    return play(toy(), ExecutorConfig(name="local"), tasks=10)


def test_workers_find_what_this_process_finds(played: list[Trajectory]) -> None:
    here = corrected(played, source(), ExecutorConfig(name="local"))
    assert len(here) == 10 and not any(outcome.error for outcome in here)
    assert corrected(played, source(), WORKERS) == here


def test_a_replay_that_goes_wrong_costs_one_trajectory(played: list[Trajectory]) -> None:
    here = corrected(played, source(), ExecutorConfig(name="local"))
    outcomes = corrected(played, source(Unruly), WORKERS)
    assert {o.task_id[-1]: o.error for o in outcomes if o.error} == {
        "3": "no privileged state: no such place",
        "5": "no privileged state: the worker process died (SIGKILL)",
        "7": "no privileged state: the environment gave no answer within 1 s",
    }
    assert [o for o in outcomes if not o.error] == [o for o in here if o.task_id[-1] not in "357"]


def test_what_goes_wrong_once_is_replayed_again(played: list[Trajectory], tmp_path: Path) -> None:
    asked = source(Unruly)
    asked.notes = tmp_path  # type: ignore[attr-defined]
    outcomes = corrected(played, asked, WORKERS, retries=1)
    assert not any(outcome.error for outcome in outcomes)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_source_that_no_worker_can_hold_ends_the_whole_and_costs_no_trajectory(
    played: list[Trajectory],
) -> None:
    with pytest.raises(ConfigError, match=r"no worker can be started.*no data on this machine"):
        corrected(played, source(Unloadable), WORKERS)


def test_a_source_that_cannot_be_sent_is_refused_at_once() -> None:
    asked = source()
    asked.hook = lambda: None  # type: ignore[attr-defined]
    with (
        pytest.raises(ConfigError, match="privileged source 'ToySource' cannot be sent"),
        privileged_state_workers(RolloutConfig(executor=WORKERS), asked, at_once=4),
    ):
        pass
