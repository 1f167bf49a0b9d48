import asyncio
import random

import pytest

from leap_core import (
    Brief,
    BudgetExceeded,
    ConfigError,
    Proposal,
    Teacher,
    TeacherError,
    TeacherReply,
    Usage,
)
from leap_core.correction import CorrectionSettings, correct_trajectories
from tests.support import boxes as toy


class Scripted(Teacher):
    """Answers with `answer(trajectory, states, brief)`, after a shuffling wait."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    async def correct(self, trajectory, states, brief):
        self.asked.append((trajectory.seed, brief))
        for _ in range(random.Random(trajectory.seed).randrange(20)):
            await asyncio.sleep(0)
        return self.answer(trajectory, states, brief)


def expert(trajectory, states, brief):
    proposals = toy.BoxExpert().correct(trajectory, states, brief.level)
    return TeacherReply(
        proposals=tuple(proposals),
        usage=Usage(calls=1, cached_calls=0, prompt_tokens=10, completion_tokens=5, cost=0.1),
    )


def run(teacher, count=20, *, source=None, level=3, sink=None, **settings):
    outcomes = []
    asyncio.run(
        correct_trajectories(
            toy.failures(count),
            source=source or toy.BoxSource(toy.Options(), toy.environment()),
            teacher=teacher if isinstance(teacher, Teacher) else Scripted(teacher),
            brief=Brief(level=level),
            settings=CorrectionSettings(teacher="t", **settings),
            on_outcome=sink or outcomes.append,
        )
    )
    return outcomes


def test_outcomes_come_in_input_order_whatever_finished_first():
    outcomes = run(expert)
    assert [o.seed for o in outcomes] == list(range(20))
    assert all(len(o.corrections) == 4 for o in outcomes)
    assert outcomes == run(expert, concurrency=1)


def test_nothing_to_correct():
    assert run(expert, 0) == []


def test_a_teacher_that_gives_up_on_one_trajectory_costs_that_one_only():
    def answer(trajectory, states, brief):
        if trajectory.seed == 3:
            raise TeacherError("no answer after 5 tries")
        return expert(trajectory, states, brief)

    outcomes = run(answer)
    assert [o.seed for o in outcomes if o.error] == [3]
    assert "after 5 tries" in outcomes[3].error


@pytest.mark.parametrize("how", ["raises", "too few"])
def test_a_privileged_source_that_fails_costs_one_trajectory(how):
    class Source(toy.BoxSource):
        def states(self, trajectory):
            if trajectory.seed == 2:
                if how == "raises":
                    raise KeyError("replay")
                return super().states(trajectory)[1:]
            return super().states(trajectory)

    outcomes = run(expert, source=Source(toy.Options(), toy.environment()))
    assert [o.seed for o in outcomes if o.error] == [2]
    assert "privileged" in outcomes[2].error


@pytest.mark.parametrize("error", [BudgetExceeded, ConfigError, ZeroDivisionError])
def test_what_no_trajectory_survives_stops_all_after_delivering_what_came_before(error):
    def answer(trajectory, states, brief):
        if trajectory.seed == 12:
            raise error("stop")
        return expert(trajectory, states, brief)

    outcomes = []
    teacher = Scripted(answer)
    with pytest.raises(error):
        run(teacher, 100, sink=outcomes.append, concurrency=4)
    assert [o.seed for o in outcomes] == list(range(12))
    assert len(teacher.asked) < 30


def test_a_receiver_that_fails_is_never_skipped_over():
    seen = []

    def sink(outcome):
        if outcome.seed == 5:
            raise OSError("disk full")
        seen.append(outcome.seed)

    with pytest.raises(OSError):
        run(expert, sink=sink)
    assert seen == list(range(5))


def test_cancelling_waits_for_the_answers_under_way():
    outcomes = []

    class Slow(Scripted):
        async def correct(self, trajectory, states, brief):
            self.asked.append(trajectory.seed)
            if len(self.asked) == 3:
                self.all_under_way.set()
            await self.gate.wait()
            return expert(trajectory, states, brief)

    async def main():
        teacher = Slow(expert)
        teacher.gate, teacher.all_under_way = asyncio.Event(), asyncio.Event()
        work = asyncio.create_task(
            correct_trajectories(
                toy.failures(20),
                source=toy.BoxSource(toy.Options(), toy.environment()),
                teacher=teacher,
                brief=Brief(),
                settings=CorrectionSettings(concurrency=3),
                on_outcome=outcomes.append,
            )
        )
        await teacher.all_under_way.wait()
        work.cancel()
        await asyncio.sleep(0.01)
        teacher.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(main())
    assert [o.seed for o in outcomes] == [0, 1, 2]


def test_leaks_are_dropped_kept_or_asked_again():
    dropped = run(expert, 3, level=5)
    assert all(not o.corrections and len(o.rejections) == 4 for o in dropped)
    assert "leaks (score 1.00)" in dropped[0].rejections[0].why

    kept = run(expert, 3, level=5, leak_policy="keep")
    assert all(c.leak == 1.0 for o in kept for c in o.corrections)

    def better_when_asked_again(trajectory, states, brief):
        return expert(trajectory, states, Brief(level=3 if brief.steps else 5))

    asked = run(better_when_asked_again, 3, level=5, leak_policy="reask")
    assert all(len(o.corrections) == 4 and o.reasked == 4 for o in asked)
    assert all(c.leak == 0.0 for o in asked for c in o.corrections)
    assert asked[0].usage == Usage(
        calls=2, cached_calls=0, prompt_tokens=20, completion_tokens=10, cost=0.2
    )
    assert len(asked[0].rejections) == 4


def test_a_second_leak_is_dropped_and_a_second_silence_survived():
    still = run(expert, 1, level=5, leak_policy="reask")[0]
    assert (len(still.corrections), len(still.rejections)) == (0, 8)

    def silent(trajectory, states, brief):
        if brief.steps:
            raise TeacherError("gone")
        return expert(trajectory, states, brief)

    outcome = run(silent, 1, level=5, leak_policy="reask")[0]
    assert (outcome.error, len(outcome.rejections)) == (None, 4)
    assert "gone" in outcome.problems[0]


def test_an_action_that_cannot_be_executed_never_becomes_a_correction():
    def answer(trajectory, states, brief):
        return TeacherReply(
            proposals=(
                Proposal(step=0, reason="r", action="open box 9"),
                Proposal(step=1, reason="r", action="OPEN BOX 1."),
            )
        )

    outcome = run(answer, 1)[0]
    assert [(c.action, c.snapped) for c in outcome.corrections] == [("open box 1", True)]
    assert "executed" in outcome.rejections[0].why
