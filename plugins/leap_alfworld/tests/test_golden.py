"""The native engine against recordings of the real one (made by `golden/record.py`)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from leap_alfworld.engine import World
from leap_alfworld.model import compile_game
from leap_alfworld.parity import native_walk
from leap_alfworld.pddl import parse_problem
from leap_alfworld.writer import write_game

GOLDEN = Path(__file__).parent / "golden"
TRACES = json.loads((GOLDEN / "traces.json").read_text())


def _recorder():
    spec = importlib.util.spec_from_file_location("record", GOLDEN / "record.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("record", TRACES["games"], ids=lambda record: record["problem"]["name"])
def test_the_native_engine_repeats_the_recording(record):
    problem = _recorder().read_problem(record["problem"])
    world = World(compile_game(problem))
    commands: set[str] = set()
    for number, (command, text, added, removed, won) in enumerate(record["moments"]):
        shown = world.step(command)[0] if number else world.reset()
        commands = (commands | set(added)) - set(removed)
        assert shown == text
        assert set(world.admissible()) == commands
        assert world.won == won


@pytest.mark.parametrize("record", TRACES["games"], ids=lambda record: record["problem"]["name"])
def test_written_files_are_read_as_the_same_game(record):
    problem = _recorder().read_problem(record["problem"])
    read = parse_problem(json.loads(write_game(problem)), "memory", problem.name)
    assert compile_game(read) == compile_game(problem)


def test_the_walk_of_a_seed_is_always_the_same(small):
    game = small.game("train", 0)
    assert list(native_walk(game, 50, 3)) == list(native_walk(game, 50, 3))
    assert list(native_walk(game, 50, 3)) != list(native_walk(game, 50, 4))
