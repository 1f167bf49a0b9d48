"""Gymnasium's environments keep LEAP's contracts: one in text, and one that is drawn."""

from __future__ import annotations

import pytest
from leap_gymnasium.environment import GymnasiumEnvironment
from leap_gymnasium.options import GymnasiumOptions
from leap_gymnasium.privileged import GymnasiumState, GymnasiumStateOptions

from leap_core import ConfigError, EnvironmentFailure, Step, Trajectory

BOX = {"id": "hidden_box:HiddenBox-v0", "goal": "take the coin", "candidates": "can"}
LAKE = {
    "id": "FrozenLake-v1",
    "kwargs": {"is_slippery": False},
    "goal": "walk from S to G, not into H",
    "observation": "ansi",
    "actions": ["left", "down", "right", "up"],
}
COIN = {"attributes": ["box"], "secrets": ["coin is in the {box} box"]}


@pytest.mark.conformance("environment", "gymnasium", options=BOX)
def test_a_text_environment(conformance):
    conformance()


@pytest.mark.conformance("environment", "gymnasium", options=LAKE)
def test_an_environment_that_draws_itself(conformance):
    conformance()


@pytest.mark.conformance(
    "privileged source",
    "gymnasium-state",
    options=COIN,
    environment={"name": "gymnasium", "options": BOX},
)
def test_privileged_source(conformance):
    conformance()


def build(**options):
    return GymnasiumEnvironment(GymnasiumOptions(**options))


def play(environment, task, actions):
    episode = environment.open(task, seed=0)
    seen, steps, last = episode.reset(), [], None
    for action in actions:
        last = episode.step(action)
        steps.append(Step(observation=seen, reason="", action=action, reward=last.reward))
        seen = last.observation
    episode.close()
    return Trajectory(task=task, steps=tuple(steps), final=seen.text), last


def test_the_lake_is_crossed():
    lake = build(**LAKE)
    way = ["down", "down", "right", "right", "down", "right"]
    trajectory, last = play(lake, lake.tasks("test")[0], way)
    assert last.terminated and last.success is True and last.score == 1.0
    assert "SFFF" in trajectory.steps[0].observation.text.replace("\x1b[41m", "").replace(
        "\x1b[0m", ""
    )
    assert trajectory.steps[0].observation.candidates == ("left", "down", "right", "up")


def test_a_hole_is_a_failure():
    lake = build(**LAKE)
    _, last = play(lake, lake.tasks("test")[0], ["right", "down"])
    assert last.terminated and last.success is False and last.score == 0.0


def test_the_environments_own_limit_truncates():
    box = build(**BOX)
    _, last = play(box, box.tasks("test")[0], ["take coin"] + ["open red"] * 0)
    assert not last.truncated
    options = {**BOX, "kwargs": {"max_episode_steps": 2}, "candidates": None}
    short = build(**options)
    _, last = play(short, short.tasks("test")[0], ["dig", "dig"])
    assert last.truncated and not last.terminated and last.success is False


def test_a_task_is_its_seed_and_no_seed_is_in_two_splits():
    box = build(**BOX, splits={"train": 3, "test": 2})
    ids = [task.id for split in box.splits() for task in box.tasks(split)]
    assert ids == [f"hidden_box:HiddenBox-v0/{seed}" for seed in range(5)]


def test_the_state_before_each_step_is_that_of_its_seed():
    box = build(**BOX)
    source = GymnasiumState(GymnasiumStateOptions(**COIN), box)
    boxes = set()
    for task in box.tasks("train")[:12]:
        trajectory, _ = play(box, task, ["open red", "open blue"])
        first, second = source.states(trajectory)
        assert first == second and first.secrets == (f"coin is in the {first.facts['box']} box",)
        boxes.add(first.facts["box"])
    assert boxes == {"red", "green", "blue"}


def test_attributes_that_change_are_read_before_each_step():
    lake = build(**LAKE)
    trajectory, _ = play(lake, lake.tasks("train")[0], ["down", "down"])
    source = GymnasiumState(GymnasiumStateOptions(attributes=("s",)), lake)
    assert [state.facts["s"] for state in source.states(trajectory)] == [0, 4]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"id": "NoSuchLake-v7"}, "cannot make 'NoSuchLake-v7'"),
        ({"id": "no_such_module:Lake-v0"}, "cannot make"),
        ({"id": "CartPole-v1"}, "its actions are no text"),
        ({**LAKE, "actions": ["left"]}, "it has 4 actions, and 'actions' names 1"),
        ({**LAKE, "observation": "text"}, "observations are no text"),
        ({**LAKE, "observation": "message"}, "have no 'message'"),
        ({**BOX, "actions": ["dig"]}, "names discrete actions"),
        ({**LAKE, "kwargs": {"depth": 3}}, "cannot make"),
    ],
)
def test_what_cannot_be_played_is_said_at_once(options, says):
    with pytest.raises(ConfigError, match=says):
        build(**options)


def test_attributes_that_there_are_not_are_said():
    box = build(**BOX)
    trajectory, _ = play(box, box.tasks("train")[0], ["open red"])
    for options, says in (
        ({"attributes": ("lid",)}, "no attribute 'lid'"),
        ({"attributes": ("box",), "secrets": ("{lid}",)}, "none of 'attributes'"),
    ):
        with pytest.raises(ConfigError, match=says):
            GymnasiumState(GymnasiumStateOptions(**options), box).states(trajectory)


def test_an_episode_that_is_not_open_cannot_go_on():
    box = build(**BOX)
    with pytest.raises(EnvironmentFailure):
        box.open(box.tasks("train")[0], seed=0).step("open red")
