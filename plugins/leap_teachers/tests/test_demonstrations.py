"""Reasons for demonstrations that know nothing of the future, and states summed up from logs."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from leap_core import Brief, DataError, Observation, Step, Task, TeacherError, Trajectory
from leap_core.correction import Described, Explained
from leap_core.correction.annotate import describe_demonstrations, explain_demonstrations
from leap_core.testing.provider import ProviderReply
from leap_teachers.demonstrations import names_later
from leap_teachers.litellm_teacher import LitellmOptions, LitellmTeacher
from leap_teachers.oracle import OracleOptions, OracleTeacher
from leap_teachers.recorded import RecordedOptions, RecordedSource


def demonstration(n: int = 0) -> Trajectory:
    seen = ["A room with a desk 1.", "On the desk 1 you see a mug 2.", "You take the mug 2."]
    done = ["go to desk 1", f"take mug 2 now {n}", "stop"]
    steps = tuple(
        Step(observation=Observation(text=s), reason="", action=a)
        for s, a in zip(seen, done, strict=True)
    )
    return Trajectory(
        task=Task(id=f"t{n}", split="train", goal="bring a mug"),
        steps=steps,
        final="Done.",
        outcome="success",
        score=1.0,
    )


@pytest.fixture
def teacher(options, context):
    return LitellmTeacher(LitellmOptions(**options), context())


def explained(teacher, count: int) -> list[Explained]:
    found: list[Explained] = []

    async def run():
        await explain_demonstrations(
            [demonstration(n) for n in range(count)],
            teacher=teacher,
            brief=Brief(),
            concurrency=4,
            on_explained=found.append,
        )
        await teacher.aclose()

    asyncio.run(run())
    return found


def asked(request) -> list[int]:
    text = request["messages"][1]["content"]
    return [int(n) for n in re.findall(r"\d+", text.rpartition("steps: ")[2])]


def thoughts(request, words=lambda step: f"I think of {step}.") -> str:
    return json.dumps({"steps": [{"step": t, "reason": words(t)} for t in asked(request)]})


def test_reasons_are_written_and_actions_stay(provider, teacher):
    provider.answer = thoughts
    found = explained(teacher, 6)
    assert [e.trajectory.task.id for e in found] == [f"t{n}" for n in range(6)]
    for n, each in enumerate(found):
        assert [s.reason for s in each.trajectory.steps] == [f"I think of {t}." for t in range(3)]
        assert [s.action for s in each.trajectory.steps] == [
            s.action for s in demonstration(n).steps
        ]
    assert provider.answered == 6


def test_a_reason_that_knows_the_future_is_written_anew_without_it(provider, teacher):
    def answer(request):
        whole = len(asked(request)) > 1
        return thoughts(request, lambda t: "The mug 2 is there." if whole else "I look there.")

    provider.answer = answer
    (only,) = explained(teacher, 1)
    reasons = [s.reason for s in only.trajectory.steps]
    assert reasons == ["I look there.", "The mug 2 is there.", "The mug 2 is there."]
    assert "named" in only.problems[0] or "names what is seen later" in only.problems[0]
    second = provider.log[1].request["messages"][1]["content"]
    assert "mug 2" not in second, "the record ends where the thought begins"


def test_missing_reasons_are_asked_for_by_themselves(provider, teacher):
    provider.answer = lambda r: thoughts(r) if len(asked(r)) == 1 else thoughts(r)[:60]
    (only,) = explained(teacher, 1)
    assert all(step.reason for step in only.trajectory.steps)


def test_a_demonstration_without_reasons_to_be_had_stays_as_it_is(provider, teacher):
    provider.answer = lambda r: "no"
    (only,) = explained(teacher, 1)
    assert only.trajectory == demonstration()
    assert "could be read" in (only.error or "")


@pytest.mark.parametrize(
    ("step", "reason", "known_later"),
    [(0, "Mug 2 is near.", True), (1, "Mug 2 is near.", False), (0, "A mug is near.", False)],
)
def test_things_are_known_when_they_were_seen(step, reason, known_later):
    assert names_later(demonstration(), step, reason) == known_later


DESCRIPTION = {
    "task": "Bring a mug.",
    "essential_objects": [{"name": "mug 2", "where": "desk 1"}],
    "critical_locations": [{"name": "desk 1", "what_for": "the mug is there"}],
    "optimal_action_sequence": ["go to desk 1", "take mug 2 now"],
}


def test_a_log_is_summed_up_in_four_parts(provider, teacher, tmp_path):
    provider.answer = lambda r: (
        "Sorry, what?" if len(provider.log) == 1 else f"```json\n{json.dumps(DESCRIPTION)}\n```"
    )
    found: list[Described] = []

    async def run():
        await describe_demonstrations(
            [demonstration()], teacher=teacher, concurrency=1, on_described=found.append
        )
        await teacher.aclose()

    asyncio.run(run())
    state = found[0].state
    for heading in ("Task", "Essential Objects", "Critical Locations", "Optimal Action Sequence"):
        assert f"**{heading}:**" in state.text
    assert state.secrets == ("mug 2", "mug 2 is in desk 1")
    assert state.facts["plan"] == ["go to desk 1", "take mug 2 now"]


def test_recorded_states_are_found_by_task(tmp_path, world):
    path = tmp_path / "states.jsonl"
    path.write_text(
        json.dumps({"task_id": "t1", "text": "x", "secrets": ["y"], "facts": {}}) + "\n"
    )
    source = RecordedSource(RecordedOptions(path=path), world.environment)
    assert [s.text for s in source.states(demonstration(1))] == ["x"] * 3
    with pytest.raises(DataError, match="no state for task 't2'"):
        source.states(demonstration(2))
    path.write_text("{")
    with pytest.raises(DataError, match="holds no recorded states"):
        RecordedSource(RecordedOptions(path=path), world.environment).states(demonstration(1))


def test_the_oracle_writes_neither(context):
    oracle = OracleTeacher(OracleOptions(), context())
    with pytest.raises(TeacherError, match="writes no reasons"):
        asyncio.run(oracle.explain(demonstration(), Brief()))
    with pytest.raises(TeacherError, match="sums up no"):
        asyncio.run(oracle.describe(demonstration()))


def test_an_unreadable_description_is_an_error(provider, teacher):
    provider.answer = lambda r: ProviderReply("[]")
    found: list[Described] = []

    async def run():
        await describe_demonstrations(
            [demonstration()], teacher=teacher, concurrency=1, on_described=found.append
        )
        await teacher.aclose()

    asyncio.run(run())
    assert found[0].state is None
    assert provider.answered == 2
