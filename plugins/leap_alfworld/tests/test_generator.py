"""Generated games: the same everywhere, solvable, varied, and split as upstream's."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from leap_alfworld.engine import World
from leap_alfworld.generator import SEEN_ROOMS, SPLITS, Generator
from leap_alfworld.model import TASK_TYPES
from leap_alfworld.planner import plan
from leap_alfworld.tables import ACCEPTS, ROOMS, TRAITS


def digest(generator: Generator) -> str:
    problems = [asdict(generator.problem(split, i)) for split in SPLITS for i in range(12)]
    return hashlib.sha256(json.dumps(problems, default=sorted).encode()).hexdigest()


@pytest.mark.parametrize("size", ["small", "full"])
def test_games_are_a_function_of_the_seed_alone(size):
    code = (
        "import test_generator as t; from leap_alfworld.generator import Generator; "
        f"print(t.digest(Generator({size!r})))"
    )
    folder = Path(__file__).parent
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {digest(Generator(size))}


@pytest.mark.parametrize("size", ["small", "full"])
@pytest.mark.parametrize("split", SPLITS)
def test_every_game_is_solvable_and_not_solved(size, split):
    for game in Generator(size).games(split, 30):
        commands = plan(World(game))
        assert commands
        assert len(commands) >= 3


@pytest.mark.parametrize("split", SPLITS)
def test_types_take_turns_and_any_stride_samples_them(split, small):
    types = [small.task_type(i) for i in range(600)]
    assert all(sorted(types[i : i + 6]) == sorted(TASK_TYPES) for i in range(0, 600, 6))
    for stride in (2, 3, 6, 10):
        assert set(types[::stride]) == set(TASK_TYPES)
    assert [small.game(split, i).task_type for i in range(12)] == types[:12]


def rooms(generator: Generator, split: str) -> set[frozenset[str]]:
    return {frozenset(r.id for r in generator.problem(split, i).receptacles) for i in range(200)}


def test_seen_splits_share_the_rooms_of_training_and_unseen_ones_do_not(small):
    seen = {
        frozenset(r.id for r in small._room(kind, number))
        for kind in ROOMS
        for number in range(SEEN_ROOMS)
    }
    for split in ("train", "valid_seen", "test_seen"):
        assert rooms(small, split) <= seen
    unseen, other = rooms(small, "valid_unseen"), rooms(small, "test_unseen")
    assert not unseen & seen
    assert not other & (seen | unseen)


def test_no_placement_occurs_in_two_splits(small):
    seen = [{small.problem(split, i).contents for i in range(100)} for split in SPLITS]
    assert len(set.union(*seen)) == sum(map(len, seen))


def test_small_games_are_small_and_full_ones_large():
    small = list(Generator("small").games("train", 100))
    assert (
        7 <= min(len(g.receptacles) for g in small) <= max(len(g.receptacles) for g in small) <= 12
    )
    assert max(len(g.things) for g in small) <= 14
    assert max(len(inside) for g in small for inside in g.contents) <= 3
    full = list(Generator("full").games("train", 100))
    assert sum(len(g.receptacles) for g in full) / 100 > 18
    assert sum(len(g.things) for g in full) / 100 > 28


def test_task_types_can_be_restricted():
    generator = Generator("small", task_types=("pick_heat_then_place_in_recep",))
    games = list(generator.games("train", 10))
    assert {g.task_type for g in games} == {"pick_heat_then_place_in_recep"}
    assert all(any(r.kind == "microwave" for r in g.receptacles) for g in games)


def test_ids_are_stable_names_and_another_seed_is_another_world(small):
    assert small.game("train", 123).name == "small/train/000123"
    other = Generator("small", seed=7)
    assert other.game("train", 123).name == "small-seed7/train/000123"
    assert other.problem("train", 123).contents != small.problem("train", 123).contents


def test_an_unknown_split_is_refused(small):
    with pytest.raises(ValueError, match="there are: train"):
        small.game("dev", 0)


def test_tables_agree_with_one_another():
    for room in ROOMS:
        kinds = {piece.type for piece in room.furniture}
        for thing, places in room.places.items():
            assert thing in TRAITS, thing
            for place in places:
                assert place in kinds, (room.name, thing, place)
                assert thing in ACCEPTS[place], (thing, place)
