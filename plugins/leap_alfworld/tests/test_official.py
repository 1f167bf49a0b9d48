"""The official games: every shipped walkthrough, and plans no longer than it."""

from __future__ import annotations

from pathlib import Path

import pytest

from leap_alfworld.engine import World
from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.memory import read_goal
from leap_alfworld.official import game_files
from leap_alfworld.pddl import load_game
from leap_alfworld.planner import plan
from leap_alfworld.privileged import HumanSource, SourceOptions

PACKS = {"alfworld": 3893, "alfworld-put-wording": 140}


@pytest.fixture(params=PACKS)
def pack(request, data_dir) -> Path:
    folder = data_dir / request.param
    if not folder.is_dir():
        pytest.skip(f"no data pack '{request.param}' in {data_dir}")
    return folder


def check(path: Path) -> bool:
    """Play the plan and the walkthrough of a file; return whether it has a walkthrough."""
    game = load_game(path)
    assert read_goal(game.task) == game.goal
    world = World(game)
    best = plan(world)
    assert best
    for command in best:
        assert not world.won
        assert command in world.admissible()
        world.step(command)
    assert world.won
    if game.walkthrough is None:
        return False
    assert len(best) <= len(game.walkthrough)
    world.reset()
    for command in game.walkthrough:
        assert command in world.admissible()
        world.step(command)
    assert world.won
    return True


def test_a_sample_of_official_games(pack):
    files = game_files(pack)
    assert len(files) == PACKS[pack.name]
    assert all(check(path) for path in files[::40]) == (pack.name == "alfworld")


@pytest.mark.slow
def test_every_official_walkthrough_wins_and_no_plan_is_longer(pack):
    files = game_files(pack)
    with_walkthrough = sum(check(path) for path in files)
    print(f"{pack.name}: {len(files)} plans win; {with_walkthrough} walkthroughs win, none shorter")
    assert with_walkthrough == (PACKS[pack.name] if pack.name == "alfworld" else 0)


def test_the_official_split_is_whole(pack):
    environment = AlfworldEnvironment(AlfworldOptions(games="official", data_dir=pack))
    tasks = environment.tasks("valid_seen")
    assert len(tasks) == 140
    assert {t.task_type for t in tasks} == set(environment.task_types)
    assert all(t.id.startswith("valid_seen/" + t.task_type) for t in tasks)


def test_human_instructions_are_there(data_dir):
    pack = data_dir / "alfworld"
    if not pack.is_dir():
        pytest.skip(f"no data pack 'alfworld' in {data_dir}")
    environment = AlfworldEnvironment(AlfworldOptions(games="official", data_dir=pack))
    source = HumanSource(SourceOptions(), environment)
    tasks = environment.tasks("valid_seen")
    for trajectory in environment.demonstrations(tasks[::20], "walkthrough"):
        assert trajectory.succeeded
        states = source.states(trajectory)
        assert len(states) == len(trajectory.steps)
        assert "**High-level plan:**" in states[0].text
        assert states[0].secrets
