"""Environments of verifiers keep LEAP's contracts: one of a turn, one with a partner."""

from __future__ import annotations

import pytest
from leap_verifiers.environment import VerifiersEnvironment
from leap_verifiers.options import VerifiersOptions
from leap_verifiers.privileged import VerifiersData, VerifiersDataOptions

from leap_core import ConfigError, EnvironmentFailure, Step, Trajectory

SIZES = {"train": 20, "validation": 5, "test": 5}
SUMS = {"taskset": "sums-taskset", "splits": SIZES}
GUESS = {"taskset": "guess-taskset", "splits": SIZES}
ANSWER = {"fields": ["answer"], "secrets": ["answer is {answer}"]}
NUMBER = {"fields": ["number"], "secrets": ["number is {number}"]}


@pytest.mark.conformance("environment", "verifiers", options=SUMS)
def test_an_environment_of_one_turn(conformance):
    conformance()


@pytest.mark.conformance("environment", "verifiers", options=GUESS)
def test_an_environment_with_a_partner(conformance):
    conformance()


@pytest.mark.conformance(
    "privileged source",
    "verifiers-data",
    options=NUMBER,
    environment={"name": "verifiers", "options": GUESS},
)
def test_privileged_source(conformance):
    conformance()


def build(**options):
    return VerifiersEnvironment(VerifiersOptions(**options))


def play(environment, task, actions):
    episode = environment.open(task, seed=0)
    seen, steps, last = episode.reset(), [], None
    for action in actions:
        last = episode.step(action)
        steps.append(Step(observation=seen, reason="", action=action, reward=last.reward))
        seen = last.observation
    episode.close()
    return Trajectory(task=task, steps=tuple(steps), final=seen.text), last


@pytest.mark.parametrize(("answer", "success"), [("20", True), ("21", False), ("", False)])
def test_an_answer_is_scored_by_the_taskset(answer, success):
    sums = build(**SUMS)
    trajectory, last = play(sums, sums.tasks("train")[3], [answer])
    assert trajectory.steps[0].observation.text == "Be brief.\n\nWhat is 3 + 17?"
    assert last.terminated and last.success is success and last.score == float(success)


def test_a_partner_answers_until_the_student_is_right():
    guess = build(**GUESS)
    trajectory, last = play(guess, guess.tasks("train")[1], ["3", "9", "7"])
    shown = [step.observation.text for step in trajectory.steps]
    assert shown == ["Guess a number from 0 to 9.", "More.", "Less."]
    assert last.terminated and last.success is True and last.score == 1.0


def test_the_answer_is_privileged():
    sums = build(**SUMS)
    trajectory, _ = play(sums, sums.tasks("train")[3], ["21"])
    (state,) = VerifiersData(VerifiersDataOptions(**ANSWER), sums).states(trajectory)
    assert (state.text, state.secrets) == ("answer: 20", ("answer is 20",))
    for options, says in (
        ({"fields": ("gold",)}, "has no field 'gold'"),
        ({"fields": ("answer",), "secrets": ("{gold}",)}, "none of 'fields'"),
    ):
        with pytest.raises(ConfigError, match=says):
            VerifiersData(VerifiersDataOptions(**options), sums).states(trajectory)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"taskset": "no-such-taskset"}, "cannot load 'no-such-taskset'"),
        ({"taskset": "sums-taskset", "config": {"sise": 3}}, "sise"),
        ({"taskset": "boxed-taskset"}, "its tasks need a container"),
    ],
)
def test_what_cannot_be_played_is_said_at_once(options, says):
    with pytest.raises(ConfigError, match=says):
        build(**options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({**SUMS, "config": {"size": 7}}, "has 7 tasks, and the option 'splits' wants 30"),
        ({"taskset": "runtime-taskset", "splits": {"train": 1}}, "'there' wants a runtime"),
    ],
)
def test_tasks_that_cannot_be_played_are_found_before_the_first_episode(options, says):
    with pytest.raises(ConfigError, match=says):
        build(**options).tasks("train")


def test_a_second_turn_after_the_end_is_refused():
    sums = build(**SUMS)
    episode = sums.open(sums.tasks("train")[0], seed=0)
    episode.reset()
    episode.step("17")
    with pytest.raises(EnvironmentFailure, match="over"):
        episode.step("17")
