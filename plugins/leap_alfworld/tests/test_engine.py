"""The native engine, rule by rule; `test_golden.py` compares it with the real one."""

from __future__ import annotations

import pickle
import random

import pytest

from leap_alfworld.engine import NOTHING_HAPPENS, World
from leap_alfworld.generator import WORDINGS
from leap_alfworld.model import Goal
from leap_alfworld.planner import plan


@pytest.fixture
def world(make_game):
    world = World(make_game())
    world.reset()
    return world


def see(world: World, *commands: str) -> str:
    """Take commands that must be admissible, and return what the last one shows."""
    text = ""
    for command in commands:
        assert command in world.admissible(), command
        text, _ = world.step(command)
        assert text != NOTHING_HAPPENS
    return text


def test_opening_lists_the_room_and_the_task(make_game):
    assert World(make_game()).reset() == (
        "-= Welcome to TextWorld, ALFRED! =-\n\n"
        "You are in the middle of a room. Looking quickly around you, you see a cabinet 2, "
        "a cabinet 1, a countertop 1, a desk 1, a fridge 1, a microwave 1, and a sinkbasin 1.\n\n"
        "Your task is to: put a hot apple in fridge."
    )


def test_looking_away_from_furniture_sees_nothing(world):
    assert see(world, "look").endswith("you see nothing.")


def test_names_are_numbered_from_the_highest_down(make_game):
    names = [t.name for t in make_game().things]
    assert names == ["apple 2", "apple 1", "desklamp 1", "knife 1", "mug 1"]


def test_receptacles_that_share_a_place_are_reached_by_the_other(world):
    # "Cabinet_bar_1" sorts first and gets the higher number.
    assert see(world, "go to cabinet 2") == "You arrive at cabinet 2. The cabinet 2 is closed."
    assert "go to cabinet 1" not in world.admissible()
    assert world.step("go to cabinet 1")[0] == NOTHING_HAPPENS
    assert see(world, "open cabinet 1") == (
        "You open the cabinet 1. The cabinet 1 is open. In it, you see a mug 1."
    )


def test_what_was_moved_within_a_place_lies_beside_it(world):
    see(world, "go to cabinet 2", "open cabinet 1", "open cabinet 2", "take mug 1 from cabinet 1")
    see(world, "move mug 1 to cabinet 2")
    assert see(world, "look") == (
        "You are facing the cabinet 2, and cabinet 1. Next to it, you see a mug 1."
    )


def test_an_object_is_examined_only_in_the_hand(world):
    see(world, "go to countertop 1")
    assert world.step("examine knife 1")[0] == NOTHING_HAPPENS
    see(world, "take knife 1 from countertop 1")
    assert see(world, "examine knife 1") == "There's nothing special about knife 1."


@pytest.mark.parametrize(
    ("commands", "text"),
    [
        (["go to microwave 1", "heat apple 2 with microwave 1"], "This is a hot apple 2."),
        (["go to fridge 1", "cool apple 2 with fridge 1"], "This is a cold apple 2."),
        (["go to sinkbasin 1", "clean apple 2 with sinkbasin 1"], "This is a clean apple 2."),
        (
            [
                "go to fridge 1",
                "cool apple 2 with fridge 1",
                "go to sinkbasin 1",
                "clean apple 2 with sinkbasin 1",
            ],
            "This is a cool and clean apple 2.",
        ),
        (
            [
                "go to fridge 1",
                "cool apple 2 with fridge 1",
                "go to microwave 1",
                "heat apple 2 with microwave 1",
            ],
            "This is a hot apple 2.",
        ),
    ],
)
def test_heat_cold_and_soap_need_no_open_door(world, commands, text):
    see(world, "go to countertop 1", "take apple 2 from countertop 1", *commands)
    assert see(world, "examine apple 2") == text


def test_a_container_is_always_normal(world):
    see(world, "go to cabinet 2", "open cabinet 1", "take mug 1 from cabinet 1")
    assert see(world, "examine mug 1") == "This is a normal mug 1. In it, you see nothing."


def test_slicing_needs_a_knife_in_the_hand(world):
    see(world, "go to countertop 1", "take knife 1 from countertop 1")
    text = see(world, "slice apple 2 with knife 1")
    assert text == "You sliced the apple 2 with the knife 1."
    see(world, "move knife 1 to countertop 1", "take apple 2 from countertop 1")
    assert see(world, "examine apple 2") == "This is a sliced apple 2."


def test_a_lamp_only_ever_turns_on(world):
    see(world, "go to desk 1")
    assert (
        see(world, "use desklamp 1")
        == see(world, "use desklamp 1")
        == ("You turn on the desklamp 1.")
    )


def test_the_look_goal_may_be_met_lamp_first(make_game):
    goal = Goal("look_at_obj_in_light", "apple", lamp_kind="desklamp")
    world = World(make_game(goal=goal))
    see(world, "go to desk 1", "use desklamp 1", "go to countertop 1")
    see(world, "take apple 2 from countertop 1")
    assert not world.won
    assert world.step("go to desk 1")[1]


def test_an_object_listed_twice_stays_where_it_was_not_taken(make_game, kitchen):
    twice = (*kitchen.contents, ("Apple_bar_1", "Fridge_bar_1"))
    world = World(make_game(contents=twice))
    see(world, "go to countertop 1", "take apple 2 from countertop 1", "go to microwave 1")
    assert world.step("heat apple 2 with microwave 1")[1], "it is hot, and in the fridge as well"


@pytest.mark.parametrize("command", ["Look", "go to the desk 1", "go to desk", "", "take mug 1"])
def test_commands_are_matched_to_the_letter(world, command):
    before = world.admissible()
    assert world.step(command) == (NOTHING_HAPPENS, False)
    assert world.admissible() == before


def test_spaces_around_a_command_are_forgiven(world):
    assert world.step("  go to desk 1 ")[0].startswith("You arrive at desk 1.")


def test_the_older_wording(make_game):
    world = World(make_game(wording=WORDINGS["put"]))
    world.reset()
    assert "help" not in world.admissible()
    assert see(world, "go to countertop 1").startswith("You arrive at loc 6. On the countertop 1,")
    see(world, "take knife 1 from countertop 1")
    assert see(world, "put knife 1 in/on countertop 1") == (
        "You put the knife 1 in/on the countertop 1."
    )


def test_help_is_listed_and_told_in_the_newer_wording(world):
    assert see(world, "help").startswith("Available commands:\n  look: ")


def test_a_game_is_won_by_its_plan_and_not_before(make_game):
    world = World(make_game())
    commands = plan(world)
    assert commands is not None
    for command in commands:
        assert not world.won
        world.step(command)
    assert world.won


def test_copies_are_independent_and_worlds_can_be_pickled(world):
    see(world, "go to countertop 1", "take knife 1 from countertop 1")
    other, third = world.copy(), pickle.loads(pickle.dumps(world))
    see(world, "slice apple 2 with knife 1", "move knife 1 to countertop 1", "go to desk 1")
    assert other.admissible() == third.admissible() != world.admissible()
    assert other.held == third.held >= 0 > world.held


def test_reset_forgets_everything(make_game):
    world = World(make_game())
    fresh, commands = world.reset(), world.admissible()
    for command in plan(world) or ():
        world.step(command)
    assert world.reset() == fresh
    assert world.admissible() == commands
    assert not world.won


def test_admissible_commands_are_sorted_and_all_do_something(small):
    rng = random.Random(1)
    for index in range(12):
        world = World(small.game("train", index))
        for _ in range(30):
            commands = world.admissible()
            assert commands == sorted(set(commands))
            for command in commands:
                assert world.copy().step(command)[0] != NOTHING_HAPPENS
            world.step(rng.choice(commands))
