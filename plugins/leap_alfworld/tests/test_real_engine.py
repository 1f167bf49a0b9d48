"""The real engine behind the extra, and the kit that compares with it."""

from __future__ import annotations

import sys

import pytest

from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.generator import Generator
from leap_alfworld.parity import compare
from leap_alfworld.pddl import load_game
from leap_alfworld.real_engine import RealEngine
from leap_alfworld.writer import save_game, write_game
from leap_core import EnvironmentFailure, MissingExtra

LIES = {
    "observation": lambda text: f"{text}?",
    "commands": lambda commands: commands[1:],
    "won": lambda won: not won,
}


class Liar:
    """A "real" engine that differs from the native one where it is told to."""

    def __init__(self, game, at: int, *lie: str) -> None:
        from leap_alfworld.engine import World

        self.world, self.at, self.lie, self.asked = World(game), at, lie, 0

    def open(self, game: str):
        return 0, self._say(self.world.reset())

    def ask(self, op: str, **details):
        return self._say(self.world.step(details["action"])[0]) if op == "step" else {}

    def _say(self, text: str):
        honest = {
            "observation": text,
            "commands": self.world.admissible(),
            "won": self.world.won,
        }
        self.asked += 1
        if self.asked - 1 != self.at:
            return honest
        return honest | {key: LIES[key](honest[key]) for key in self.lie}


@pytest.mark.parametrize("what", LIES)
def test_the_first_difference_is_found_with_its_path(what, small):
    game = small.game("train", 0)
    assert compare(game, "", Liar(game, -1), 30, 0).difference is None
    for at in (0, 7):
        found = compare(game, "", Liar(game, at, what), 30, 0)
        assert found.steps == at
        assert found.difference.what == what
        assert len(found.difference.commands) == at


def test_without_the_extra_one_sentence_says_what_to_install():
    try:
        import alfworld  # noqa: F401
    except ImportError:
        with (
            RealEngine() as engine,
            pytest.raises(MissingExtra, match=r"leap-alfworld\[textworld\]"),
        ):
            engine.versions()
    else:
        pytest.skip("the extra is installed here")


def test_a_python_that_is_not_there(tmp_path):
    with (
        RealEngine(tmp_path / "python") as engine,
        pytest.raises(EnvironmentFailure, match="start"),
    ):
        engine.versions()


def test_a_process_that_dies_fails_the_episode_only(tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    with RealEngine(script) as engine, pytest.raises(EnvironmentFailure, match="ended"):
        engine.versions()


# -- with TextWorld -----------------------------------------------------------------------------


@pytest.mark.slow
def test_both_engines_agree_on_generated_games(textworld_python, tmp_path):
    with RealEngine(textworld_python) as engine:
        for index, (size, wording) in enumerate(
            [("small", "move"), ("small", "put"), ("full", "move")]
        ):
            problem = Generator(size, wording).problem("valid_unseen", index)
            path = save_game(problem, tmp_path / str(index))
            found = compare(load_game(path), path.read_text(), engine, 30, 0)
            assert found.difference is None


@pytest.mark.slow
def test_several_games_are_played_at_once(textworld_python):
    games = [Generator("small").problem("train", index) for index in range(3)]
    with RealEngine(textworld_python) as engine:
        opened = [engine.open(write_game(problem)) for problem in games]
        assert len({state["observation"] for _, state in opened}) == 3
        for key, state in reversed(opened):
            assert engine.ask("reset", key=key) == state
            engine.ask("close", key=key)
        with pytest.raises(EnvironmentFailure, match="KeyError"):
            engine.ask("step", key=opened[0][0], action="look")
        with pytest.raises(EnvironmentFailure, match="refused 'open'"):
            engine.open("{}")


@pytest.mark.slow
def test_the_environment_plays_on_the_real_engine(textworld_python):
    options = {"split_sizes": {"train": 4}, "welcome": False, "hide": ("help",)}
    native = AlfworldEnvironment(AlfworldOptions(**options))
    real = AlfworldEnvironment(
        AlfworldOptions(engine="textworld", textworld_python=textworld_python, **options)
    )
    assert real.fingerprint()["engine"] == "textworld"
    assert "textworld" in real.fingerprint()
    tasks = native.tasks("train")
    assert list(real.demonstrations(tasks, "planner")) == list(
        native.demonstrations(tasks, "planner")
    )
    assert sys.argv, "what TextWorld does to its process stays in its process"
