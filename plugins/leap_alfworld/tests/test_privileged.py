"""Privileged sources: exact at every step, honest about dead ends, and with their secrets."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from leap_alfworld import names
from leap_alfworld.engine import World
from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.model import compile_game
from leap_alfworld.privileged import (
    HumanSource,
    SimulatorSource,
    SourceOptions,
    describe,
    read_annotation,
)
from leap_core import DataError, Fact, Observation, Step, Trajectory
from leap_core.correction import history_of, leak_score


@pytest.fixture
def environment() -> AlfworldEnvironment:
    return AlfworldEnvironment(AlfworldOptions())


def test_the_plan_is_the_best_from_every_step(environment):
    source = SimulatorSource(SourceOptions(), environment)
    for shown in environment.demonstrations(environment.tasks("train")[:12], "explorer"):
        states = source.states(shown)
        assert len(states) == len(shown.steps)
        for t, state in enumerate(states):
            world = World(environment.game(shown.task))
            for step in shown.steps[:t]:
                world.step(step.action)
            for command in state.facts["plan"]:
                assert not world.won
                world.step(command)
            assert world.won


def test_the_text_has_the_four_sections_and_the_plan(make_game):
    text = describe(World(make_game())).text
    assert text.splitlines() == [
        "**Task:**",
        "put a hot apple in fridge.",
        "**Essential Objects:**",
        "- apple 2: in or on countertop 1",
        "**Critical Locations:**",
        "- countertop 1: no door",
        "- microwave 1: closed",
        "- fridge 1: closed",
        "**Optimal Action Sequence:**",
        "1. go to countertop 1",
        "2. take apple 2 from countertop 1",
        "3. go to microwave 1",
        "4. heat apple 2 with microwave 1",
        "5. go to fridge 1",
        "6. open fridge 1",
        "7. move apple 2 to fridge 1",
    ]


def test_a_dead_end_is_said(kitchen):
    accepts = {place: kinds - {"Knife"} for place, kinds in kitchen.can_contain.items()}
    world = World(compile_game(replace(kitchen, can_contain=accepts)))
    world.step("go to countertop 1")
    world.step("take knife 1 from countertop 1")
    state = describe(world)
    assert state.facts["dead_end"]
    assert state.facts["plan"] is None
    assert "Dead end" in state.text


def test_what_was_seen_is_no_secret(make_game):
    world = World(make_game())
    hidden = [str(secret) for secret in describe(world).secrets]
    assert {"apple 1", "apple 2", "apple is in countertop 1"} <= {*hidden} | {
        secret.value[0] for secret in describe(world).secrets
    }
    shown = describe(world, seen=["apple 2"]).secrets
    assert Fact(kind="name", value=("apple 2",)) not in shown
    assert "apple is in countertop 1" not in map(str, shown)
    assert Fact(kind="name", value=("apple 1",)) in shown


def test_an_object_listed_in_two_receptacles_is_hidden_in_both(kitchen):
    twice = (*kitchen.contents, ("Apple_bar_2", "Cabinet_bar_2"))
    state = describe(World(compile_game(replace(kitchen, contents=twice))))
    places = state.facts["locations"]["apple 1"]
    assert len(places) == 2
    assert {f"apple is in {place}" for place in places} <= set(map(str, state.secrets))


def test_a_place_goes_by_other_names_too():
    fact = names.whereabouts("mug", "fridge 1")
    assert (fact.kind, "coffee cup" in fact.subject) == ("place", True)
    assert "refrigerator 1" in fact.value
    assert "refrigerator" in fact.hint


@pytest.mark.parametrize(
    "text",
    [
        "The apple 1 is in the cabinet 2.",
        "Go to cabinet 2, the apple is in cabinet 2.",
        "I take apple 1.",
        "There is an apple inside the cabinet 2.",
        "The second cupboard is where the apple is.",
        "I fetch the apple from cabinet two.",
    ],
)
def test_telling_a_hidden_place_is_a_leak(make_game, text):
    world = World(make_game())
    state = describe(world)
    step = Step(
        observation=Observation(text=world.reset(), candidates=tuple(world.admissible())),
        reason="",
        action="look",
    )
    task = AlfworldEnvironment(AlfworldOptions()).tasks("train")[0]
    trajectory = Trajectory(task=replace(task, goal=world.game.task), steps=(step,))
    assert leak_score(text, state.secrets, history_of(trajectory, 0)) >= 0.5


def test_states_do_not_depend_on_how_the_student_writes(environment):
    """Upper case and stray signs are tidied as in play, so the replay does not drift."""
    task = environment.tasks("train")[0]
    source = SimulatorSource(SourceOptions(), environment)
    (shown,) = environment.demonstrations([task], "planner")
    loud = replace(
        shown, steps=tuple(replace(s, action=f"{s.action.upper()}.") for s in shown.steps)
    )
    assert source.states(loud) == source.states(shown)


ANNOTATION = {
    "turk_annotations": {
        "anns": [{"task_desc": "Heat it.", "high_descs": ["Go to the  fridge.", "Take the apple."]}]
    },
    "plan": {
        "high_pddl": [
            {"discrete_action": {"action": "GotoLocation", "args": ["fridge"]}},
            {"discrete_action": {"action": "PickupObject", "args": ["apple"]}},
            {"discrete_action": {"action": "GotoLocation", "args": ["microwave"]}},
        ]
    },
}


def test_a_human_annotation_is_read_with_its_secrets(tmp_path):
    path = tmp_path / "traj_data.json"
    path.write_text(json.dumps(ANNOTATION))
    state = read_annotation(path)
    assert "1. Go to the fridge.\n2. Take the apple." in state.text
    assert "1. GotoLocation fridge" in state.text
    assert [str(secret) for secret in state.secrets] == ["apple is in fridge"]
    assert leak_score("The apple is in the refrigerator.", state.secrets, "") >= 0.5
    assert leak_score("Apples are often in a fridge.", state.secrets, "") == 0


@pytest.mark.parametrize("content", [None, "", "[]", '{"plan": 3}'])
def test_an_unusable_annotation_is_named(tmp_path, content):
    path = tmp_path / "traj_data.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=r"traj_data\.json"):
        read_annotation(path)


def test_generated_games_have_no_human_annotation(environment):
    source = HumanSource(SourceOptions(), environment)
    (shown,) = environment.demonstrations(environment.tasks("train")[:1], "planner")
    with pytest.raises(DataError, match="no human annotation"):
        source.states(shown)
