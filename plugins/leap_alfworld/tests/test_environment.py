"""The environment's contract: tasks, episodes, options, prompts without secrets."""

from __future__ import annotations

import logging
import os
import pickle
import random
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.episode import AlfworldEpisode
from leap_alfworld.generator import SPLITS, Generator
from leap_alfworld.model import RawObject, compile_game
from leap_alfworld.official import find_release
from leap_alfworld.writer import save_game
from leap_core import ConfigError, DataError, EnvironmentFailure
from leap_core.policy.prompt import PromptRenderer


def environment(**options) -> AlfworldEnvironment:
    return AlfworldEnvironment(AlfworldOptions(**options))


def test_tasks_are_the_same_every_time_and_say_what_to_do():
    tasks = environment().tasks("valid_seen")
    assert len(tasks) == 140
    again = list(environment().tasks("valid_seen"))
    assert list(tasks) == again
    assert len({t.id for t in again}) == 140
    assert tasks[-1] == again[-1]
    assert tasks[2:5] == again[2:5]
    with pytest.raises(IndexError):
        tasks[140]
    for task in again[:20]:
        episode = environment().open(task, 0)
        assert episode.reset().text.endswith(f"Your task is to: {task.goal}")
        assert task.task_type in environment().task_types


def test_split_sizes_can_be_set():
    sized = environment(split_sizes={"train": 7})
    assert len(sized.tasks("train")) == 7
    assert len(sized.tasks("valid_seen")) == 140


def test_an_unknown_split_is_refused_with_a_hint():
    with pytest.raises(ConfigError, match="did you mean 'valid_seen'"):
        environment().tasks("valid_sen")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task_types": ["pick_and_place"]}, "did you mean 'pick_and_place_simple'"),
        ({"task_types": []}, "at least one"),
        ({"split_sizes": {"trian": 3}}, "did you mean 'train'"),
        ({"split_sizes": {"train": 0}}, "at least one task"),
        ({"games": "tiny"}, "small"),
        ({"gmaes": "small"}, "gmaes"),
        ({"engine": "auto"}, "native"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(ValidationError, match=said):
        AlfworldOptions(**options)


def test_a_game_ends_when_it_is_won():
    env = environment()
    for task in env.tasks("train")[:12]:
        (shown,) = env.demonstrations([task], "planner")
        episode = env.open(task, 0)
        episode.reset()
        for step in shown.steps[:-1]:
            assert not episode.step(step.action).terminated
        last = episode.step(shown.steps[-1].action)
        assert last.terminated
        assert not last.truncated
        assert last.reward == 1.0
        assert last.success is True and last.score == 1.0
        with pytest.raises(EnvironmentFailure, match="over"):
            episode.step("look")
        assert not episode.step("look").terminated if episode.reset() else None


@pytest.mark.parametrize("action", ["", "go to moon 1", "fly", "go to", "\n", "x" * 10_000])
def test_nonsense_is_answered_and_costs_nothing_but_a_step(action):
    env = environment()
    episode = env.open(env.tasks("train")[0], 0)
    first = episode.reset()
    answer = episode.step(action)
    assert answer.observation.text == "Nothing happens."
    assert answer.observation.candidates == first.candidates
    assert not answer.terminated


def test_actions_are_tidied_unless_told_not_to():
    for tidy, text in ((True, "You are carrying"), (False, "Nothing happens.")):
        env = environment(tidy=tidy)
        episode = env.open(env.tasks("train")[0], 0)
        episode.reset()
        said = episode.step("INVENTORY.").observation.text
        assert said.startswith("You are not carrying" if tidy else text)


def test_commands_can_be_hidden_and_the_welcome_left_out():
    env = environment(hide=("help", "look"), welcome=False)
    episode = env.open(env.tasks("train")[0], 0)
    first = episode.reset()
    assert first.text.startswith("You are in the middle of a room.")
    assert not {"help", "look"} & set(first.candidates)
    assert episode.step("help").observation.text.startswith("Available commands")


def test_an_environment_can_be_pickled():
    env = environment(games="full", wording="put")
    copy = pickle.loads(pickle.dumps(env))
    assert copy.options == env.options
    assert copy.tasks("train")[0] == env.tasks("train")[0]


def test_the_fingerprint_names_engine_games_and_wording():
    facts = environment(wording="put").fingerprint()
    assert facts["engine"] == "native"
    assert facts["games"] == "small"
    assert facts["wording"] == "put"


@pytest.mark.parametrize("kind", ["planner", "walkthrough", "explorer"])
def test_demonstrations_succeed_by_listed_actions(kind):
    env = environment()
    tasks = env.tasks("train")[:18]
    shown = list(env.demonstrations(tasks, kind))
    assert [t.task for t in shown] == list(tasks)
    for trajectory in shown:
        assert trajectory.succeeded
        for step in trajectory.steps:
            assert step.observation.accepts(step.action)
            assert step.reason


def test_the_explorer_demonstrates_the_search_that_the_options_name():
    def actions(search: str) -> list[list[str]]:
        env = environment(search=search)
        shown = env.demonstrations(env.tasks("train")[:8], "explorer")
        return [[step.action for step in t.steps] for t in shown]

    env = environment(search="listed")
    policy = env.scripted_policy("explorer")
    for task, taken in zip(env.tasks("train"), actions("listed"), strict=False):
        first = env.open(task, 0).reset()
        assert policy.act(task, [], first)[1] == taken[0]
    assert actions("listed") != actions("likely")


def test_an_unknown_kind_of_demonstration_is_refused():
    env = environment()
    with pytest.raises(ConfigError, match="did you mean 'planner'"):
        list(env.demonstrations(env.tasks("train")[:1], "plannner"))


def test_the_explorer_is_a_scripted_policy():
    assert environment().scripted_policies() == ("explorer",)
    assert environment().scripted_policy("oracle") is None


def test_a_canary_in_a_hidden_place_shows_only_once_it_is_seen(kitchen):
    """Nothing of a closed receptacle's contents is in any prompt before it is opened."""
    canary = RawObject("Canary_bar_1", "Canary", frozenset({"pickupable"}), "loc_bar_1")
    game = compile_game(
        replace(
            kitchen,
            objects=(*kitchen.objects, canary),
            contents=(*kitchen.contents, ("Canary_bar_1", "Cabinet_bar_1")),
        )
    )
    env = environment()
    task = replace(env.tasks("train")[0], goal=game.task)
    writer = PromptRenderer(env.layout(), env.horizon)
    rng = random.Random(6)
    found = 0
    for _ in range(20):
        episode = AlfworldEpisode(game, env.options)
        observation = episode.reset()
        opened = False
        prompts = [writer.opening(task, observation) + writer.branch(observation)]
        for _ in range(25):
            action = rng.choice(observation.candidates)
            observation = episode.step(action).observation
            opened = opened or action == "open cabinet 2"
            prompts.append(writer.turn(action, observation) + writer.branch(observation))
            if not opened:
                assert "canary" not in "".join(prompts).lower()
        found += "canary" in "".join(prompts).lower()
    assert found, "the walks must open the cabinet now and then"


# -- official files -------------------------------------------------------------------------------


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder laid out as the official one, with a few good games and several broken ones."""
    generator = Generator("small")
    root = tmp_path / "json_2.1.1"
    for split in ("train", "valid_seen"):
        for index in range(3):
            save_game(generator.problem(split, index), root / split / f"task-{index}" / "trial_1")
    for name, content in {
        "broken": "{",
        "unsolvable": '{"pddl_domain": "", "grammar": "", "pddl_problem": "", "solvable": false}',
        "unfinished": '{"pddl_domain": ""}',
    }.items():
        folder = root / "train" / name / "trial_1"
        folder.mkdir(parents=True)
        (folder / "game.tw-pddl").write_text(content)
    save_game(generator.problem("train", 9), root / "train" / "pick-AppleSliced-1" / "trial_1")
    return tmp_path


def test_broken_files_are_counted_and_the_others_stay_usable(release, caplog):
    env = environment(games="official", data_dir=release)
    with caplog.at_level(logging.WARNING):
        tasks = env.tasks("train")
    assert [t.id for t in tasks] == [f"train/task-{i}/trial_1" for i in range(3)]
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "1 not JSON" in said
    assert "1 unsolvable" in said
    assert "1 missing parts" in said
    assert "3 playable games; the official split has 3553" in said
    assert env.splits() == ["train", "valid_seen"]
    for trajectory in env.demonstrations(tasks, "planner"):
        assert trajectory.succeeded


def test_official_games_are_those_of_the_files(release):
    env = environment(games="official", data_dir=release / "json_2.1.1")
    small = environment()
    first = env.open(env.tasks("train")[0], 0).reset()
    assert first == small.open(small.tasks("train")[0], 0).reset()


def test_the_data_folder_may_come_from_the_variable(release, monkeypatch):
    monkeypatch.setenv("ALFWORLD_DATA", str(release))
    assert find_release(None) == release / "json_2.1.1"
    assert len(environment(games="official").tasks("valid_seen")) == 3


def test_games_are_found_in_the_folder_of_data_packs(release, tmp_path, monkeypatch):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "alfworld").symlink_to(release)
    monkeypatch.setenv("LEAP_DATA_DIR", str(tmp_path / "packs"))
    assert environment(games="official").tasks("train")


def test_missing_data_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    monkeypatch.delenv("LEAP_DATA_DIR", raising=False)
    with pytest.raises(DataError, match="set the option 'data_dir'"):
        environment(games="official").tasks("train")
    with pytest.raises(DataError, match="does not exist"):
        environment(games="official", data_dir=tmp_path / "nowhere").tasks("train")
    with pytest.raises(DataError, match="none of the official splits"):
        environment(games="official", data_dir=tmp_path).tasks("train")
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="no playable game"):
        environment(games="official", data_dir=tmp_path).tasks("train")


def test_a_game_that_vanishes_fails_its_task_only(release):
    env = environment(games="official", data_dir=release)
    tasks = env.tasks("train")
    (release / "json_2.1.1" / "train" / "task-0" / "trial_1" / "game.tw-pddl").unlink()
    with pytest.raises(EnvironmentFailure, match="cannot open 'train/task-0"):
        env.open(tasks[0], 0)
    env.open(tasks[1], 0).reset()


def test_the_data_hash_changes_with_the_files(release):
    before = environment(games="official", data_dir=release).fingerprint()
    save_game(Generator("small").problem("train", 5), release / "json_2.1.1/train/more/trial_1")
    assert environment(games="official", data_dir=release).fingerprint() != before


def test_generated_splits_are_all_there():
    assert tuple(environment().splits()) == SPLITS


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_said(release, caplog):
    folder = release / "json_2.1.1" / "train" / "task-1"
    folder.chmod(0)
    try:
        env = environment(games="official", data_dir=release)
        with caplog.at_level(logging.WARNING):
            assert len(env.tasks("train")) == 2
    finally:
        folder.chmod(0o755)
    assert "1 unreadable folder" in caplog.text
