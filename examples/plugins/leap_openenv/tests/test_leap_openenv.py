"""An environment on a real OpenEnv server, in a process of its own, keeps LEAP's contracts."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from leap_openenv.environment import OpenEnvEnvironment
from leap_openenv.options import OpenEnvOptions
from leap_openenv.privileged import OpenEnvState, OpenEnvStateOptions

from leap_core import ConfigError, EnvironmentFailure, Step, Trajectory

COIN = {"fields": ["box"], "secrets": ["coin is in the {box} box"]}


@pytest.fixture(scope="session")
def server():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-m", "uvicorn", "hidden_box:app", "--port", str(port)]
    process = subprocess.Popen([*serve, "--log-level", "warning"], cwd=Path(__file__).parent)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, "the server does not start"
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health"):
                break
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def options(server):
    return {"base_url": server, "goal": "take the coin", "candidates": "can"}


@pytest.fixture
def conformance_choice(options, request):
    mark = request.node.get_closest_marker("conformance")
    if mark.args[0] == "environment":
        return {"options": options}
    return {"options": COIN, "environment": {"name": "openenv", "options": options}}


@pytest.mark.conformance("environment", "openenv")
def test_environment(conformance):
    conformance()


@pytest.mark.conformance("privileged source", "openenv-state")
def test_privileged_source(conformance):
    conformance()


def play(environment, task, actions):
    episode = environment.open(task, seed=0)
    seen, steps, last = episode.reset(), [], None
    for action in actions:
        last = episode.step(action)
        steps.append(Step(observation=seen, reason="", action=action, reward=last.reward))
        seen = last.observation
    episode.close()
    return Trajectory(task=task, steps=tuple(steps), final=seen.text), last


def test_the_coin_is_found_and_the_state_tells_where(options):
    environment = OpenEnvEnvironment(OpenEnvOptions(**options))
    source = OpenEnvState(OpenEnvStateOptions(**COIN), environment)
    boxes = set()
    for task in environment.tasks("train")[:6]:
        failed, _ = play(environment, task, ["open red"])
        (state,) = source.states(failed)
        box = state.facts["box"]
        assert state.secrets == (f"coin is in the {box} box",)
        _, last = play(environment, task, [f"open {box}", "take coin"])
        assert last.terminated and last.success is True and last.score == 1.0
        boxes.add(box)
    assert len(boxes) > 1


def test_all_of_the_state_but_the_episodes_id_is_told_by_default(options):
    environment = OpenEnvEnvironment(OpenEnvOptions(**options))
    source = OpenEnvState(OpenEnvStateOptions(), environment)
    failed, _ = play(environment, environment.tasks("train")[0], ["open red", "dig"])
    first, second = source.states(failed)
    assert set(first.facts) == {"box", "step_count"}
    assert (first.facts["step_count"], second.facts["step_count"]) == (0, 1)


def test_a_server_that_is_not_there_is_a_failure_of_the_episode():
    gone = OpenEnvEnvironment(OpenEnvOptions(base_url="http://127.0.0.1:9", timeout=5))
    episode = gone.open(gone.tasks("train")[0], seed=0)
    with pytest.raises(EnvironmentFailure, match=r"server http://127.0.0.1:9 opens no session"):
        episode.reset()
    episode.close()


def test_a_field_that_there_is_not_is_named(options):
    environment = OpenEnvEnvironment(OpenEnvOptions(**{**options, "observation": "words"}))
    episode = environment.open(environment.tasks("train")[0], seed=0)
    with pytest.raises(EnvironmentFailure, match=r"no field 'words'; there is: can, text"):
        episode.reset()
    episode.close()


def test_an_action_that_the_server_refuses_is_a_failure_with_its_words(options):
    environment = OpenEnvEnvironment(OpenEnvOptions(**{**options, "action": "shout"}))
    episode = environment.open(environment.tasks("train")[0], seed=0)
    episode.reset()
    with pytest.raises(EnvironmentFailure, match="cannot take a step: Server error"):
        episode.step("open red")
    episode.close()


def test_fields_of_the_state_that_there_are_not_are_said(options):
    environment = OpenEnvEnvironment(OpenEnvOptions(**options))
    failed, _ = play(environment, environment.tasks("train")[0], ["open red"])
    for chosen, says in (
        ({"fields": ("lid",)}, "no 'lid'; there is: box"),
        ({"secrets": ("{lid}",)}, "no field of the state"),
    ):
        with pytest.raises(ConfigError, match=says):
            OpenEnvState(OpenEnvStateOptions(**chosen), environment).states(failed)
