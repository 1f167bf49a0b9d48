"""The constrained expert's arithmetic, against what can be said of it by hand."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_teachers.reweighting import (
    divergence,
    draw,
    draw_weights,
    effective_size,
    softmax,
    strength_for,
    tilt,
)

P = [math.log(c) for c in (0.90, 0.05, 0.04, 0.01)]
Q = [math.log(c) for c in (0.05, 0.40, 0.35, 0.20)]

logs = st.lists(st.tuples(st.floats(-50, 0), st.floats(-50, 0)), min_size=2, max_size=8)


@pytest.mark.parametrize("form", ["product", "mean"])
def test_without_a_constraint_it_is_the_privileged_teacher(form):
    assert tilt(P, Q, 0.0, form) == pytest.approx([0.90, 0.05, 0.04, 0.01])


def test_the_product_is_equation_16():
    made = [0.90 * 0.05**2, 0.05 * 0.40**2, 0.04 * 0.35**2, 0.01 * 0.20**2]
    expected = [value / sum(made) for value in made]
    assert tilt(P, Q, 2.0, "product") == pytest.approx(expected)


@given(logs)
def test_the_kl_of_the_mean_falls_to_nothing_as_lambda_rises(pairs):
    p, q = (list(side) for side in zip(*pairs, strict=True))
    kls = [divergence(tilt(p, q, s, "mean"), q) for s in (0.0, 0.5, 1.0, 4.0, 1e9)]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(kls))
    assert kls[-1] < 1e-6


@given(logs, st.floats(0.01, 2.0))
def test_a_target_is_met_and_not_overdone(pairs, target):
    p, q = (list(side) for side in zip(*pairs, strict=True))
    strength = strength_for(p, q, target)
    kl = divergence(tilt(p, q, strength, "mean"), q)
    assert kl <= target + 1e-9
    assert strength == 0.0 or kl >= target - 1e-4


def test_divergence_of_a_distribution_from_itself_is_nothing():
    assert divergence(softmax(Q), Q) == pytest.approx(0.0)


def test_draws_follow_the_probabilities():
    source = random.Random(0)
    counts = [0] * 3
    for _ in range(20_000):
        counts[draw([0.7, 0.2, 0.1], source)] += 1
    assert [c / 20_000 for c in counts] == pytest.approx([0.7, 0.2, 0.1], abs=0.02)


# -- sampling against exact enumeration, on a model of three words -----------------------------

WITH, WITHOUT = (0.7, 0.2, 0.1), (0.1, 0.3, 0.6)
TRIALS = 4000


def chosen(strength: float, samples: int, trial: int) -> int:
    """Draw as the constrained teacher does: `samples` from each context, then one of them."""
    source = random.Random(f"{strength} {samples} {trial}")
    drawn = [source.choices(range(3), chances, k=samples) for chances in (WITH, WITHOUT)]
    counts = [[words.count(word) for word in range(3)] for words in drawn]
    seen = [word for word in range(3) if counts[0][word] + counts[1][word]]
    weights = draw_weights(
        [math.log(WITH[word]) for word in seen],
        [math.log(WITHOUT[word]) for word in seen],
        [counts[0][word] for word in seen],
        [counts[1][word] for word in seen],
        strength,
        "product",
    )
    return seen[draw(weights, source)]


def shares(strength: float, samples: int) -> list[float]:
    drawn = [chosen(strength, samples, trial) for trial in range(TRIALS)]
    return [drawn.count(word) / TRIALS for word in range(3)]


def five_deviations(chance: float) -> float:
    return 5 * math.sqrt(chance * (1 - chance) / TRIALS)


@pytest.mark.parametrize("samples", [1, 2, 8])
def test_constrained_draws_without_a_constraint_are_the_privileged_teachers(samples):
    """Exact for any number of draws, not only in the limit."""
    for share, chance in zip(shares(0.0, samples), WITH, strict=True):
        assert abs(share - chance) <= five_deviations(chance)


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_constrained_draws_approach_the_enumerated_distribution(strength):
    """With 64 draws the bias of normalised weights, of order 1/64, is allowed for."""
    expected = tilt(
        [math.log(p) for p in WITH], [math.log(q) for q in WITHOUT], strength, "product"
    )
    for share, chance in zip(shares(strength, 64), expected, strict=True):
        assert abs(share - chance) <= five_deviations(chance) + 1 / 64


def test_the_constrained_choice_counts_effective_draws():
    assert effective_size([0.5, 0.5], [1, 1]) == pytest.approx(2)
    assert effective_size([0.5, 0.5], [4, 4]) == pytest.approx(8)
    assert effective_size([1.0, 0.0], [1, 5]) == pytest.approx(1)
