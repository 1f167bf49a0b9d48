"""Reading game files: what is understood, and what broken files are told."""

from __future__ import annotations

import json
import random

import pytest

from leap_alfworld.engine import World
from leap_alfworld.errors import GameFileError
from leap_alfworld.generator import Generator
from leap_alfworld.model import TASK_TYPES, compile_game, readable_names
from leap_alfworld.pddl import load_game, parse_problem
from leap_alfworld.writer import save_game, write_game


def test_files_of_both_wordings_and_sizes_are_read_as_written(tmp_path):
    for size in ("small", "full"):
        for wording in ("move", "put"):
            generator = Generator(size, wording)
            for index in range(6):
                problem = generator.problem("valid_unseen", index)
                path = save_game(problem, tmp_path / f"{size}-{wording}-{index}")
                assert load_game(path, problem.name) == compile_game(problem)


def test_all_task_types_are_told_apart(small):
    read = set()
    for index in range(6):
        problem = small.problem("train", index)
        again = parse_problem(json.loads(write_game(problem)), "memory", "game")
        assert again.goal == problem.goal
        read.add(again.goal.task_type)
    assert read == set(TASK_TYPES)


def test_names_follow_the_identifiers():
    ids = ["Bed_bar__plus_01_dot_10", "Bed_bar__plus_00_dot_20", "Sink_bar__plus_1_bar_SinkBasin"]
    assert readable_names([*ids, "Sink_bar__plus_1", "agent1"]) == {
        "bed_bar__plus_00_dot_20": "bed 2",
        "bed_bar__plus_01_dot_10": "bed 1",
        "sink_bar__plus_1_bar_sinkbasin": "sinkbasin 1",
        "sink_bar__plus_1": "sink 1",
        "agent1": "agent1 ",
    }


def _data(**changes):
    return {**json.loads(write_game(Generator("small").problem("train", 0))), **changes}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], "not a game"),
        ({}, "missing parts"),
        (_data(pddl_problem=None), "missing parts"),
        (_data(solvable=False), "unsolvable"),
        ({k: v for k, v in _data().items() if k != "solvable"}, "unsolvable"),
        (_data(walkthrough="look"), "broken walkthrough"),
        (_data(grammar=_data()["grammar"].replace("Your task is", "It")), "no task"),
        (
            _data(grammar=_data()["grammar"].replace("move {o} to {r}", "drop {o}")),
            "unknown wording",
        ),
        (_data(grammar=_data()["grammar"].replace("You arrive", "You are")), "unknown wording"),
        *(
            (
                _data(grammar=_data()["grammar"].replace("You move the {o.name}", broken)),
                "unknown wording",
            )
            for broken in ("You move the {x}", "You move the {o.kind}", "You {move", "You move}")
        ),
        (_data(pddl_problem="(define (problem x))"), "broken problem"),
        (_data(pddl_problem=_data()["pddl_problem"][:-20]), "broken problem"),
        (
            _data(pddl_problem=_data()["pddl_problem"].replace("(atLocation", "(wasAt", 1)),
            "unknown fact",
        ),
        (
            _data(pddl_problem=_data()["pddl_problem"].replace("(openable", "(pickupable a ", 1)),
            "broken fact",
        ),
    ],
)
def test_broken_content_is_refused_by_name_and_reason(data, reason):
    with pytest.raises(GameFileError) as caught:
        parse_problem(data, "some/game.tw-pddl", "some")
    assert caught.value.reason == reason
    assert str(caught.value).startswith("some/game.tw-pddl: ")


def test_missing_types_are_named():
    text = _data()["pddl_problem"]
    lines = [line for line in text.splitlines() if "receptacleType" not in line]
    with pytest.raises(GameFileError, match="gives no type for"):
        parse_problem(_data(pddl_problem="\n".join(lines)), "file", "file")
    lines = [line for line in text.splitlines() if "(objectType" not in line or "?" in line]
    with pytest.raises(GameFileError, match="which its goal needs"):
        parse_problem(_data(pddl_problem="\n".join(lines)), "file", "file")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"null", b"17"])
def test_files_that_are_no_json_objects(tmp_path, content):
    path = tmp_path / "game.tw-pddl"
    path.write_bytes(content)
    with pytest.raises(GameFileError) as caught:
        load_game(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(GameFileError, match="cannot be read"):
        load_game(tmp_path / "game.tw-pddl")


@pytest.mark.parametrize("seed", range(60))
def test_fuzzed_files_are_refused_or_played_but_never_break_the_reader(tmp_path, seed):
    """A clear error, or a game that still plays."""
    rng = random.Random(seed)
    path = tmp_path / "game.tw-pddl"
    path.write_text(DAMAGES[seed % len(DAMAGES)](_data(), rng))
    try:
        world = World(load_game(path))
    except GameFileError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
        return
    world.reset()
    for _ in range(20):
        world.step(rng.choice(world.admissible()))


def _cut(data: dict, rng: random.Random) -> str:
    text = json.dumps(data)
    return text[: rng.randrange(len(text))]


def _scratch(data: dict, rng: random.Random) -> str:
    return _damage(json.dumps(data), rng)


def _scratch_inside(data: dict, rng: random.Random) -> str:
    """Valid JSON, one of whose texts is damaged."""
    key = rng.choice(["pddl_problem", "grammar"])
    return json.dumps({**data, key: _damage(data[key], rng)})


def _wrong_kind(data: dict, rng: random.Random) -> str:
    key = rng.choice(sorted(data))
    return json.dumps({**data, key: rng.choice([None, [], [3], {}, "", 3, "(" * 5000])})


def _damage(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(["", "(", ")", '"', "Type", " ", "x"]) + text[at + 1 :]
    return text


def _lose_lines(data: dict, rng: random.Random) -> str:
    lines = data["pddl_problem"].splitlines()
    for _ in range(rng.randint(1, 6)):
        del lines[rng.randrange(len(lines))]
    rng.shuffle(lines) if rng.random() < 0.2 else None
    return json.dumps({**data, "pddl_problem": "\n".join(lines)})


DAMAGES = (_cut, _scratch, _scratch_inside, _wrong_kind, _lose_lines)
