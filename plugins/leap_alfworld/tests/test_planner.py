"""The planner: its plans win, none is longer than need be, and dead ends are said."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace

import pytest

from leap_alfworld.engine import World
from leap_alfworld.generator import Generator
from leap_alfworld.model import Game, Goal, compile_game
from leap_alfworld.planner import plan, steps


def play(world: World, commands: list[str]) -> bool:
    """Play commands on a copy; each must be admissible and none may win before the last."""
    world = world.copy()
    for command in commands:
        assert not world.won
        assert command in world.admissible()
        world.step(command)
    return world.won


def wander(world: World, rng: random.Random, steps: int) -> None:
    for _ in range(steps):
        handy = [c for c in world.admissible() if c.split()[0] in ("take", "move", "open", "heat")]
        world.step(rng.choice(handy if handy and rng.random() < 0.6 else world.admissible()))


@pytest.mark.parametrize("size", ["small", "full"])
def test_plans_win_from_the_start_and_from_anywhere(size):
    rng = random.Random(2)
    for index in range(24):
        world = World(Generator(size).game("train", index))
        for _ in range(6):
            commands = plan(world)
            if commands is None:
                break
            assert play(world, commands)
            wander(world, rng, 5)
            if world.won:
                assert plan(world) == []
                break


def shortest(world: World, limit: int) -> int:
    """Length of the shortest win, by trying everything (looking about changes nothing)."""
    queue = deque([(world, 0)])
    seen = set()
    while queue:
        state, depth = queue.popleft()
        if state.won:
            return depth
        key = (
            state.location,
            state.held,
            frozenset(state.opened),
            tuple(state.contents),
            *(frozenset(state.states[name]) for name in ("hot", "cool", "clean", "toggled")),
        )
        if key in seen or depth == limit:
            continue
        seen.add(key)
        for command in state.admissible():
            if command.split()[0] in ("examine", "look", "inventory", "help", "slice", "close"):
                continue
            after = state.copy()
            after.step(command)
            queue.append((after, depth + 1))
    raise AssertionError(f"no win within {limit} steps")


def tiny(game_index: int, task_type: str, kitchen) -> Game:
    """The hand-made room with another goal, small enough for a search through everything."""
    goals = {
        "pick_and_place_simple": Goal(task_type, "apple", "microwave"),
        "look_at_obj_in_light": Goal(task_type, "apple", lamp_kind="desklamp"),
        "pick_clean_then_place_in_recep": Goal(task_type, "apple", "sinkbasin"),
        "pick_heat_then_place_in_recep": Goal(task_type, "apple", "fridge"),
        "pick_cool_then_place_in_recep": Goal(task_type, "apple", "countertop"),
        "pick_two_obj_and_place": Goal(task_type, "apple", "microwave"),
    }
    keep = {"Apple_bar_1", "Apple_bar_2", "DeskLamp_bar_1", "Knife_bar_1"}
    return compile_game(
        replace(
            kitchen,
            goal=goals[task_type],
            objects=tuple(o for o in kitchen.objects if o.id in keep),
            contents=tuple(pair for pair in kitchen.contents if pair[0] in keep),
        )
    )


@pytest.mark.parametrize(
    "task_type",
    [
        "pick_and_place_simple",
        "look_at_obj_in_light",
        "pick_clean_then_place_in_recep",
        "pick_heat_then_place_in_recep",
        "pick_cool_then_place_in_recep",
    ],
)
def test_plans_are_the_shortest_from_anywhere(task_type, kitchen):
    rng = random.Random(task_type)
    game = tiny(0, task_type, kitchen)
    for _ in range(6):
        world = World(game)
        wander(world, rng, rng.randint(0, 8))
        commands = plan(world)
        assert commands is not None
        assert play(world, commands)
        assert len(commands) == shortest(world, len(commands))


def test_two_objects_share_one_opened_door(kitchen):
    world = World(tiny(0, "pick_two_obj_and_place", kitchen))
    commands = plan(world)
    assert commands is not None
    assert play(world, commands)
    assert sum(command == "open microwave 1" for command in commands) == 1
    assert len(commands) == 10


def test_holding_what_no_receptacle_takes_is_a_dead_end(kitchen):
    accepts = {place: kinds - {"Knife"} for place, kinds in kitchen.can_contain.items()}
    world = World(compile_game(replace(kitchen, can_contain=accepts)))
    world.step("go to countertop 1")
    assert plan(world)
    world.step("take knife 1 from countertop 1")
    assert plan(world) is None
    assert steps(world) is None


def test_the_wrong_object_is_put_down_first(make_game):
    world = World(make_game())
    world.step("go to countertop 1")
    world.step("take knife 1 from countertop 1")
    commands = plan(world)
    assert commands is not None
    assert commands[:2] == ["move knife 1 to countertop 1", "take apple 2 from countertop 1"]
