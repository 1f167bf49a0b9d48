"""The constrained expert's arithmetic, against what can be said of it by hand."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_teachers.reweighting import divergence, draw, softmax, strength_for, tilt

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
