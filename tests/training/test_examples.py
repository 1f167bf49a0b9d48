"""From trajectories and corrections to what is learned."""

from __future__ import annotations

from leap_core import Observation, Proposal, Step, Task, Trajectory
from leap_core.correction import validate
from leap_core.examples import examples_from_corrections
from leap_core.policy.reply import write_reply
from tests.students import toy_writer

SEEN = Observation("o", ("left", "right"))
PLAYED = Trajectory(
    Task("t", "train"),
    (Step(SEEN, "good", "left"), Step(SEEN, "bad", "left"), Step(SEEN, "good", "right")),
)


def learned(confirmed: bool):
    proposals = (Proposal(0, "good", "left"), Proposal(1, "better", "right"))
    found = validate(PLAYED, proposals, teacher="x", level=3)
    assert (len(found.corrections), found.confirmed) == (1, (0,))
    also = {("t", PLAYED.seed): found.confirmed} if confirmed else {}
    return list(
        examples_from_corrections(
            [PLAYED], found.corrections, toy_writer(), "toy", 1, confirmed=also
        )
    )


def test_only_what_was_corrected_is_learned():
    (example,) = learned(confirmed=False)
    assert (example.step, example.reply) == (1, write_reply("better", "right"))
    assert example.rejected == write_reply("bad", "left")


def test_confirmed_steps_are_learned_as_they_were():
    first, second = learned(confirmed=True)
    assert (first.step, first.reply, first.rejected) == (0, write_reply("good", "left"), None)
    assert second.step == 1 and second.rejected
