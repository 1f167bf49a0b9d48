"""What a player remembers, and how it searches: from text alone."""

from __future__ import annotations

import random

import pytest

from leap_alfworld.engine import World
from leap_alfworld.generator import Generator
from leap_alfworld.memory import Memory, read_goal
from leap_alfworld.search import LIKELY, LISTED, Search, accepts, commonsense, decide, in_order


@pytest.mark.parametrize("wording", ["move", "put"])
@pytest.mark.parametrize("size", ["small", "full"])
def test_memory_agrees_with_the_world(size, wording):
    """Along random walks, what is remembered is what was last true in sight."""
    rng = random.Random(3)
    for index in range(10):
        world = World(Generator(size, wording).game("train", index))
        memory = Memory()
        memory.note("", world.reset())
        names = [r.name for r in world.game.receptacles]
        assert sorted(memory.places) == sorted(names)
        for _ in range(60):
            command = rng.choice(world.admissible())
            memory.note(command, world.step(command)[0])
            held = world.game.things[world.held].name if world.held >= 0 else ""
            assert memory.held == held
            for place, things in memory.contents.items():
                inside = world.contents[names.index(place)]
                true = sorted(world.game.things[t].name for t in inside)
                assert set(things) <= set(true)
                assert sorted(things) == true or place not in memory.looked
            for state, verb in (("hot", "heat"), ("clean", "clean"), ("cool", "cool")):
                done = {t for t, verbs in memory.states.items() if verb in verbs}
                assert done == {world.game.things[t].name for t in world.states[state]}
            shut = {names.index(place) for place in memory.closed}
            assert not shut & world.opened


def test_memory_of_a_history_is_memory_of_its_turns(small):
    world = World(small.game("train", 0))
    texts, actions = [world.reset()], []
    for command in ("look", "inventory", world.admissible()[0]):
        actions.append(command)
        texts.append(world.step(command)[0])
    step_by_step = Memory()
    for command, text in zip(["", *actions], texts, strict=True):
        step_by_step.note(command, text)
    assert Memory.of(texts, actions) == step_by_step


@pytest.mark.parametrize("size", ["small", "full"])
def test_every_task_sentence_is_understood(size):
    for game in Generator(size).games("valid_unseen", 120):
        assert read_goal(game.task) == game.goal


def test_a_sentence_in_other_words_is_not_understood():
    assert read_goal("tidy up the kitchen.") is None


def explore(world: World, search: Search, limit: int) -> int | None:
    """Number of actions that a search takes; None if it does not win within the limit."""
    goal, memory = read_goal(world.game.task), Memory()
    memory.note("", world.reset())
    for used in range(1, limit + 1):
        decision = decide(goal, memory, world.admissible(), search)
        assert decision.action in world.admissible()
        text, won = world.step(decision.action)
        memory.note(decision.action, text)
        if won:
            return used
    return None


@pytest.mark.parametrize(
    ("size", "within", "share"), [("small", 15, 0.97), ("small", 20, 0.99), ("full", 30, 0.95)]
)
def test_common_sense_finds_things_in_time(size, within, share):
    games = list(Generator(size).games("valid_unseen", 150))
    wins = sum(explore(World(game), LIKELY, within) is not None for game in games)
    assert wins / len(games) >= share


def test_searching_in_order_takes_longer(small):
    games = list(small.games("train", 60))
    plain = sum(explore(World(game), Search(in_order), 60) or 60 for game in games)
    sensible = sum(explore(World(game), LIKELY, 60) or 60 for game in games)
    assert sensible < plain


def test_a_search_as_listed_finds_things_in_time_too(small):
    games = list(small.games("valid_unseen", 100))
    wins = sum(explore(World(game), LISTED, 20) is not None for game in games)
    assert wins / len(games) >= 0.95


@pytest.mark.parametrize("wording", ["move", "put"])
def test_a_search_recovers_from_any_mess(wording):
    """After a random walk (things moved about, doors open, hands full) it still wins."""
    rng = random.Random(4)
    for index in range(40):
        world = World(Generator("small", wording).game("train", index))
        goal, memory = read_goal(world.game.task), Memory()
        memory.note("", world.reset())
        for _ in range(12):
            command = rng.choice(world.admissible())
            text, won = world.step(command)
            memory.note(command, text)
            if won:
                break
        for _ in range(60):
            if world.won:
                break
            decision = decide(goal, memory, world.admissible(), LIKELY)
            memory.note(decision.action, world.step(decision.action)[0])
        assert world.won, world.game.name


def test_common_sense_looks_in_likely_places_first():
    memory = Memory(places=("cabinet 1", "fridge 1", "garbagecan 1", "toilet 1"))
    assert commonsense("lettuce", memory.places, memory)[0] == "fridge 1"
    assert accepts("fridge", "lettuce")
    assert not accepts("toilet", "lettuce")
