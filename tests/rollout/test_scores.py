"""What is said of a rollout: scores with their intervals, and how fast it goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_core.evaluation import evaluate, wilson
from leap_core.rollout import pace
from leap_core.rollout.pace import ProgressNote, duration
from leap_core.types import Observation, Outcome, Step, Task, Trajectory

Z = 1.959964


def episode(name: str, kind: str, outcome: Outcome, steps: int, seed: int = 0) -> Trajectory:
    return Trajectory(
        task=Task(id=name, split="find it", task_type=kind),
        steps=tuple(
            Step(observation=Observation(text="here"), reason="", action="look", reward=0.0)
            for _ in range(steps)
        ),
        outcome=outcome,
        score=float(outcome == "success"),
        seed=seed,
        malformed=1,
    )


PLAYED = [
    episode("a", "heat", "success", 4),
    episode("b", "heat", "failure", 7),
    episode("c", "cool", "error", 2),
    episode("a", "heat", "success", 6, seed=1),
    episode("b", "heat", "success", 5, seed=1),
    episode("c", "cool", "failure", 30, seed=1),
]


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_the_interval_is_that_of_the_literature(
    successes: int, total: int, low: float, high: float
) -> None:
    assert wilson(successes, total) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(total - successes, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_are_the_shares_that_the_score_test_just_accepts(
    counts: tuple[int, int],
) -> None:
    successes, total = counts
    share = successes / total
    low, high = wilson(successes, total)
    assert 0 <= low <= share <= high <= 1
    for bound in (low, high):
        spread = Z * (bound * (1 - bound) / total) ** 0.5
        assert abs(share - bound) == pytest.approx(spread, abs=1e-9)


def test_nothing_played_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_every_episode_is_in_the_scores() -> None:
    result = evaluate(PLAYED, split="test", horizon=30, decoding={"temperature": 0}, seed=0)
    overall = result.overall
    assert (overall.tasks, overall.succeeded, overall.errored, overall.malformed) == (6, 3, 1, 6)
    assert overall.success == overall.score == 0.5
    assert overall.interval == wilson(3, 6)
    # One that did not succeed counts as the whole horizon, however soon it ended.
    assert overall.actions == (4 + 30 + 30 + 6 + 5 + 30) / 6
    assert overall.actions_if_success == 5
    assert {k: (g.succeeded, g.tasks) for k, g in result.by_type.items()} == {
        "cool": (0, 2),
        "heat": (3, 4),
    }
    assert {k: (g.succeeded, g.tasks, g.errored) for k, g in result.by_seed.items()} == {
        "0": (1, 3, 1),
        "1": (2, 3, 0),
    }
    assert result.by_type["cool"].actions_if_success is None
    one_seed = evaluate(PLAYED[:3], split="test", horizon=30, decoding={}, seed=0)
    assert one_seed.by_seed == {}


def test_the_pace_counts_this_sitting_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    shown = ProgressNote(total=1000, done=400)
    now[0] += 50.0
    assert shown.note(500, 250, 60_000) == (
        "success 50 %, 2 episodes/s, 1,200 tokens/s, 4 min left"
    )
    assert shown.note(400, 0, 0) == "success 0 %, 0 episodes/s"
    assert shown.note(1000, 1000, 0) == "success 100 %, 12 episodes/s"


@pytest.mark.parametrize(("seconds", "words"), [(40.2, "40 s"), (170, "3 min"), (9000, "2.5 h")])
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words
