"""From trajectories and corrections to what is learned."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leap_core import Example, Observation, Proposal, Step, Task, Trajectory
from leap_core.correction import validate
from leap_core.examples import examples_from_corrections
from leap_core.examples.aggregate import balanced_environments
from leap_core.policy.reply import write_reply
from tests.support.students import toy_writer

SEEN = Observation(text="o", candidates=("left", "right"))
PLAYED = Trajectory(
    task=Task(id="t", split="train"),
    steps=(
        Step(observation=SEEN, reason="good", action="left"),
        Step(observation=SEEN, reason="bad", action="left"),
        Step(observation=SEEN, reason="good", action="right"),
    ),
)


def learned(confirmed: bool):
    proposals = (
        Proposal(step=0, reason="good", action="left"),
        Proposal(step=1, reason="better", action="right"),
    )
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


def rows(environment: str, trajectories: int, steps: int) -> list[Example]:
    example = learned(confirmed=False)[0]
    return [
        replace(example, environment=environment, task_id=f"t{n}", step=t)
        for n in range(trajectories)
        for t in range(steps)
    ]


@given(
    sizes=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 6)), min_size=1, max_size=4),
    share=st.floats(0.05, 0.95),
)
def test_no_environment_has_more_than_its_share(sizes: list[tuple[int, int]], share: float) -> None:
    examples = [e for n, (count, steps) in enumerate(sizes) for e in rows(f"e{n}", count, steps)]
    told: list[str] = []
    kept = balanced_environments(examples, share, 0, told.append)
    counts = Counter(e.environment for e in kept)
    assert set(counts) == {e.environment for e in examples}, "none is left out as a whole"
    fair = max(share, 1 / len(sizes))
    for n, (_, steps) in enumerate(sizes):
        assert counts[f"e{n}"] <= max(steps, fair * len(examples) + 1e-6)
    whole = Counter(e.trajectory for e in examples)
    assert all(count == whole[key] for key, count in Counter(e.trajectory for e in kept).items())
    assert bool(told) == (len(kept) < len(examples)), "what is left out is said"
    if len(sizes) == 2 and min(counts.values()) > 6:
        assert max(counts.values()) <= fair * sum(counts.values()) + 6


def test_environments_with_tasks_of_the_same_name_are_kept_apart() -> None:
    mixed = [*rows("a", 3, 2), *rows("b", 3, 2)]
    assert len({e.trajectory for e in mixed}) == 6
