import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_core import Observation, Proposal, Step, Task, Trajectory
from leap_core.correction import snap, validate

LISTED = Observation(
    text="o", candidates=("go to desk 1", "click[Buy Now]"), templates=("search[<query>]",)
)
SHELL = Observation(text="o")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("go to desk 1", "go to desk 1"),
        ("Go to  desk 1.", "go to desk 1"),
        ("'go to desk 1'", "go to desk 1"),
        ("click[buy now]", "click[Buy Now]"),
        ("search[red mug]", "search[red mug]"),
        ("Search[Red 'mug'.]", "search[Red 'mug'.]"),
        ("search [red mug].", "search[red mug]"),
        ("search[]", None),
        ("go to desk 2", None),
        ("go to desk", None),
        ("", None),
    ],
)
def test_near_misses_snap_and_others_do_not(said, meant):
    assert snap(LISTED, said) == meant


def test_an_ambiguous_near_miss_is_no_action():
    assert snap(Observation(text="o", candidates=("Open A", "open a")), "OPEN A") is None


@given(st.text(string.printable, min_size=1))
def test_where_anything_may_be_tried_nothing_is_altered(action):
    assert snap(SHELL, action) == (action if action.strip() else None)


def trajectory() -> Trajectory:
    return Trajectory(
        task=Task(id="t", split="train"),
        steps=(Step(observation=LISTED, reason="why", action="go to desk 1"),) * 3,
    )


def run(*proposals, **more):
    return validate(trajectory(), proposals, teacher="x", level=3, **more)


def test_corrections_come_by_step_and_say_when_they_were_snapped():
    result = run(
        Proposal(step=2, reason="r", action="CLICK[buy now]"),
        Proposal(step=0, reason=" r ", action="search[mug]"),
    )
    assert [(c.step, c.reason, c.action, c.snapped) for c in result.corrections] == [
        (0, "r", "search[mug]", False),
        (2, "r", "click[Buy Now]", True),
    ]
    assert result.corrections[0].student_action == "go to desk 1"


@pytest.mark.parametrize(
    "proposal",
    [
        Proposal(step=0, reason="why", action="go to desk 1"),
        Proposal(step=0, reason=" why\n", action="Go to desk 1."),
        Proposal(step=0, reason="", action="", changed=False),
        Proposal(step=0, reason="other", action="search[mug]", changed=False),
    ],
)
def test_unchanged_steps_are_no_corrections(proposal):
    result = run(proposal)
    assert (result.corrections, result.rejections, result.unchanged) == ((), (), 1)


def test_only_executable_steps_that_are_repeated_word_for_word_are_confirmed():
    lost = Trajectory(
        task=Task(id="t", split="train"),
        steps=(
            Step(observation=LISTED, reason="why", action="fly"),
            Step(observation=LISTED, reason="", action=""),
        ),
    )
    left_alone = [Proposal(step=t, reason="", action="", changed=False) for t in range(2)]
    repeated = [
        Proposal(step=0, reason="why", action="fly", changed=False),
        Proposal(step=1, reason="", action="", changed=False),
    ]
    for proposals in (left_alone, repeated):
        result = validate(lost, proposals, teacher="x", level=3)
        assert (result.unchanged, result.confirmed) == (2, ())
    repeated = [
        Proposal(step=t, reason="why", action="go to desk 1", changed=changed)
        for t, changed in [(2, False), (0, None)]
    ]
    result = run(*repeated, Proposal(step=1, reason="", action="", changed=False))
    assert (result.unchanged, result.confirmed) == (3, (0, 2))


def test_a_better_reason_for_the_same_action_is_a_correction():
    assert (
        len(run(Proposal(step=0, reason="a better reason", action="go to desk 1")).corrections) == 1
    )


@pytest.mark.parametrize(
    ("proposal", "why"),
    [
        (Proposal(step=3, reason="r", action="search[mug]"), "no such step"),
        (Proposal(step=-1, reason="r", action="search[mug]"), "no such step"),
        (Proposal(step=1, reason="r", action="search[mug]"), "not asked"),
        (Proposal(step=0, reason="r", action="fly"), "cannot be executed"),
        (Proposal(step=0, reason="r", action=" "), "no action"),
        (Proposal(step=0, reason="", action="search[mug]"), "no reason"),
    ],
)
def test_what_cannot_be_trained_on_is_rejected_with_the_reason(proposal, why):
    result = run(proposal, steps=(0, 2))
    assert result.corrections == ()
    assert why in result.rejections[0].why


def test_the_first_of_two_proposals_for_a_step_counts():
    result = run(
        Proposal(step=0, reason="r", action="search[a]"),
        Proposal(step=0, reason="r", action="search[b]"),
    )
    assert result.corrections[0].action == "search[a]"
    assert "already" in result.rejections[0].why
