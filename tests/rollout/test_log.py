"""The file of finished episodes: the plan's order, nothing lost, nothing twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_core.errors import RunFolderError
from leap_core.rollout import Assignment, EpisodeLog, assignments
from leap_core.types import Trajectory
from tests.support.rollouts import toy

PLAN = assignments(toy().tasks("train")[:6], [0, 1])


def ended(assignment: Assignment) -> Trajectory:
    return Trajectory(
        task=assignment.task, steps=(), seed=assignment.seed, final=f"end {assignment.index}"
    )


EXPECTED = [ended(a) for a in PLAN]


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(len(PLAN))), st.sets(st.integers(1, len(PLAN) - 1)), st.booleans())
def test_any_order_of_ends_and_any_restarts_give_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], restarts: set[int], torn: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "rollouts.jsonl"
    log = EpisodeLog(path, PLAN)
    for count, index in enumerate(order):
        if count in restarts:
            if torn:
                for file in path.parent.iterdir():
                    with file.open("ab") as tail:
                        tail.write(b'{"task": {"id"')
            log = EpisodeLog(path, PLAN)
            assert log.done == count
            assert {a.index for a in log.missing()} == set(order[count:])
        log.keep(PLAN[index], EXPECTED[index])
    assert list(log.records) == EXPECTED
    assert log.missing() == [] and log.done == len(PLAN)
    assert [p.name for p in path.parent.iterdir()] == ["rollouts.jsonl"]


def test_what_a_kill_left_in_both_files_is_recorded_once(tmp_path: Path) -> None:
    path = tmp_path / "rollouts.jsonl"
    log = EpisodeLog(path, PLAN)
    for index in (1, 2):
        log.keep(PLAN[index], EXPECTED[index])
    early = next(p for p in tmp_path.iterdir() if p.name.endswith(".early"))
    kept = early.read_bytes()
    log.keep(PLAN[0], EXPECTED[0])
    assert not early.exists()
    early.write_bytes(kept)  # as if killed before it was removed
    again = EpisodeLog(path, PLAN)
    assert again.done == 3 and not early.exists()
    assert list(again.records) == EXPECTED[:3]


def test_episodes_of_another_plan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rollouts.jsonl"
    log = EpisodeLog(path, PLAN)
    log.keep(PLAN[0], EXPECTED[0])
    other = PLAN[:]
    random.Random(0).shuffle(other)
    with pytest.raises(RunFolderError, match=r"line 1 is episode 'train/0000' with seed 0"):
        EpisodeLog(path, [Assignment(i, a.task, a.seed + 7) for i, a in enumerate(other)])


def test_an_empty_plan_leaves_an_empty_file(tmp_path: Path) -> None:
    EpisodeLog(tmp_path / "rollouts.jsonl", [])
    assert (tmp_path / "rollouts.jsonl").read_bytes() == b""
