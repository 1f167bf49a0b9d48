"""Is the native engine the real one? Walk both in lockstep and compare all that a player sees."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from leap_alfworld.engine import World
from leap_alfworld.model import Game
from leap_alfworld.planner import plan


class Engine(Protocol):
    """What is compared with: `leap_alfworld.real_engine.RealEngine`."""

    def open(self, game: str) -> tuple[int, dict[str, Any]]: ...
    def ask(self, op: str, **details: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference in one game, with the commands that lead to it.

    `what` is "observation", "commands" or "won"; for commands, only those are given that one
    engine has and the other has not.
    """

    game: str
    commands: tuple[str, ...]
    what: str
    real: object
    native: object


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one game."""

    game: str
    steps: int
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a player sees after a command ("" for the opening)."""

    command: str
    observation: str
    commands: tuple[str, ...]
    won: bool


def compare(game: Game, content: str, engine: Engine, steps: int, seed: int) -> Compared:
    """Walk one game on both engines."""
    path: list[str] = []
    walks = zip(
        real_walk(game, content, engine, steps, seed),
        native_walk(game, steps, seed),
        strict=True,
    )
    for number, (real, native) in enumerate(walks):
        if number:
            path.append(real.command)
        found = _difference(game.name, path, real, native)
        if found is not None:
            return Compared(game.name, number, found)
    return Compared(game.name, steps, None)


def real_walk(game: Game, content: str, engine: Engine, steps: int, seed: int) -> Iterator[Moment]:
    """What the real engine shows along the walk of this seed."""
    key, state = engine.open(content)
    try:
        yield _moment("", state)
        for command in walk(game, steps, seed):
            yield _moment(command, engine.ask("step", key=key, action=command))
    finally:
        engine.ask("close", key=key)


def native_walk(game: Game, steps: int, seed: int) -> Iterator[Moment]:
    """What the native engine shows along the same walk."""
    world = World(game)
    yield Moment("", world.reset(), tuple(world.admissible()), world.won)
    for command in walk(game, steps, seed):
        text, won = world.step(command)
        yield Moment(command, text, tuple(world.admissible()), won)


def walk(game: Game, steps: int, seed: int) -> Iterator[str]:
    """Commands of a random walk that gets far: plans, handling of objects, moves, nonsense.

    It is chosen on the native engine, as a function of the game and the seed.
    """
    rng = random.Random(f"{game.name} {seed}")
    world = World(game)
    planned: list[str] = []
    for _ in range(steps):
        command = _choose(world, planned, rng)
        world.step(command)
        yield command


def _choose(world: World, planned: list[str], rng: random.Random) -> str:
    if planned:
        return planned.pop(0)
    lot = rng.random()
    admissible = world.admissible()
    if lot < 0.06:
        return rng.choice(_nonsense(world, rng))
    if lot < 0.10:
        planned += (plan(world) or ["look"])[: rng.randint(1, 8)]
        return planned.pop(0) if planned else "look"
    if lot < 0.65:
        return rng.choice([c for c in admissible if not c.startswith("go to")])
    return rng.choice(admissible)


def _nonsense(world: World, rng: random.Random) -> list[str]:
    game = world.game
    place, thing = rng.choice(game.receptacles).name, rng.choice(game.things).name
    return [
        f"go to {place}",
        f"open {place}",
        f"examine {thing}",
        f"use {thing}",
        f"take {thing} from {place}",
        f"put {thing} in/on {place}",
        f"move {thing} to {place}",
        f"  go to {place} ",
        f"Go to {place}",
        "go to nowhere 1",
        "help",
        "",
    ]


def _moment(command: str, state: dict[str, Any]) -> Moment:
    return Moment(command, state["observation"], tuple(state["commands"]), bool(state["won"]))


def _difference(game: str, walked: list[str], real: Moment, native: Moment) -> Difference | None:
    path = tuple(walked)
    if real.observation != native.observation:
        return Difference(game, path, "observation", real.observation, native.observation)
    if set(real.commands) != set(native.commands):
        only_real = sorted(set(real.commands) - set(native.commands))
        only_native = sorted(set(native.commands) - set(real.commands))
        return Difference(game, path, "commands", only_real, only_native)
    if real.won != native.won:
        return Difference(game, path, "won", real.won, native.won)
    return None
