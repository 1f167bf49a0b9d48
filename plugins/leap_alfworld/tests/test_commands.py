"""`leap alfworld …`, as a user runs it."""

from __future__ import annotations

import zipfile

import pytest
from click.testing import CliRunner

from leap_alfworld import download
from leap_alfworld.cli import data as data_command
from leap_alfworld.cli.group import command
from leap_alfworld.download import unpack
from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.generator import Generator
from leap_core import ConfigError, DataError
from leap_core.testing.files import FileServer


def leap_alfworld(*arguments: object):
    return CliRunner().invoke(command, [str(a) for a in arguments])


def test_generated_files_are_a_release_of_their_own(tmp_path):
    done = leap_alfworld("generate", tmp_path, "--games", 6, "--size", "small", "--seed", 3)
    assert done.exit_code == 0, done.output
    environment = AlfworldEnvironment(AlfworldOptions(games="official", data_dir=tmp_path))
    assert environment.splits() == ["train", "valid_seen", "valid_unseen"]
    for split in environment.splits():
        tasks = environment.tasks(split)
        assert len(tasks) == 6
        assert {t.task_type for t in tasks} == set(environment.task_types)
        goals = {Generator("small", seed=3).game(split, i).task for i in range(6)}
        assert {t.goal for t in tasks} == goals
        for trajectory in environment.demonstrations(tasks, "walkthrough"):
            assert trajectory.succeeded


def test_worlds_with_drawn_homes_can_be_written_too(tmp_path):
    arguments = ("--games", 5, "--size", "crowded", "--homes", "drawn", "--split", "train")
    done = leap_alfworld("generate", tmp_path, *arguments)
    assert done.exit_code == 0, done.output
    environment = AlfworldEnvironment(AlfworldOptions(games="official", data_dir=tmp_path))
    for task in environment.tasks("train"):
        assert len(environment.game(task).receptacles) == 19


def test_task_types_that_a_size_lacks_are_refused(tmp_path):
    arguments = ("--size", "crowded", "--task-type", "look_at_obj_in_light")
    done = leap_alfworld("generate", tmp_path, *arguments)
    assert isinstance(done.exception, ConfigError)
    assert "have no look_at_obj_in_light" in str(done.exception)


def test_generating_over_what_is_there_is_refused(tmp_path):
    (tmp_path / "json_2.1.1" / "train").mkdir(parents=True)
    done = leap_alfworld("generate", tmp_path)
    assert isinstance(done.exception, ConfigError)
    assert "not empty" in str(done.exception)


def test_verifying_nothing_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        done = leap_alfworld("verify", folder)
        assert isinstance(done.exception, DataError)


@pytest.mark.slow
def test_verify_counts_games_and_steps(tmp_path, textworld_python):
    leap_alfworld("generate", tmp_path, "--games", 2, "--size", "small", "--split", "train")
    broken = tmp_path / "json_2.1.1" / "train" / "broken" / "trial"
    broken.mkdir(parents=True)
    (broken / "game.tw-pddl").write_text("{")
    python = ["--python", textworld_python] if textworld_python else []
    done = leap_alfworld("verify", tmp_path, "--steps", 15, *python)
    assert done.exit_code == 0, done.output
    assert "2 games, 30 steps: no difference" in done.output
    assert "skipped: " in done.output


# -- download -----------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with zipfile.ZipFile(folder / "games.zip", "w") as archive:
        archive.writestr("json_2.1.1/train/task/trial/game.tw-pddl", "x" * 5000)
    with FileServer(folder) as served:
        yield served


def test_data_is_fetched_and_unpacked_when_asked_and_only_then(server, tmp_path, monkeypatch):
    monkeypatch.setattr(data_command, "GAMES", server.pin("games.zip"))
    assert leap_alfworld("data", tmp_path / "out").exit_code == 1
    assert not server.asked
    done = leap_alfworld("data", tmp_path / "out", "--yes")
    assert done.exit_code == 0, done.output
    assert "train: 1 game files" in done.output
    assert not list((tmp_path / "out").glob("*.zip*"))


def test_archives_write_nowhere_else(tmp_path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside", "x")
    with pytest.raises(DataError, match="outside"):
        unpack(path, tmp_path / "out")
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match="damaged"):
        unpack(path, tmp_path / "out")


def test_the_pins_are_https_and_whole():
    for archive in (download.GAMES, download.ANNOTATIONS):
        assert archive.url.startswith("https://github.com/alfworld/alfworld/releases/")
        assert len(archive.sha256) == 64
