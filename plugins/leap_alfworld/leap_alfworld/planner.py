"""Shortest plans, by arithmetic instead of search.

Every winning plan of these games is a short tour: perhaps put down what is in hand, fetch the
object, perhaps wash, heat or cool it, put it down (twice over for "pick two"; lamp instead, for
"look"). A `Stop` is one visit of such a tour; its price is the walk there (unless one is there), a
door to open (unless it is open), and the act. The planner lists the tours and takes the cheapest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leap_alfworld.engine import World
from leap_alfworld.model import PROCESS, STATIONS

_NEEDS_OPEN = frozenset({"take", "put"})


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit: do `verb` with `thing` at `receptacle` (verb "go" is being there)."""

    verb: str
    thing: int
    receptacle: int


Tour = tuple[Stop, ...]


def plan(world: World) -> list[str] | None:
    """The shortest winning list of commands from the present state; None in a dead end."""
    found = steps(world)
    return None if found is None else [command for command, _ in found]


def steps(world: World) -> list[tuple[str, Stop]] | None:
    """The same plan, each command with the stop that it serves."""
    best = best_tour(world)
    return None if best is None else list(_spell(world, best))


def best_tour(world: World) -> Tour | None:
    """The cheapest tour that wins from the present state; None in a dead end."""
    if world.won:
        return ()
    best: Tour | None = None
    least = 10**6
    for tour in _tours(world):
        price = _price(world, tour)
        if price < least:
            best, least = tour, price
    return best


def _spell(world: World, tour: Tour) -> Iterator[tuple[str, Stop]]:
    """Write a tour as commands."""
    game = world.game
    here, opened = world.location, set(world.opened)
    for stop in tour:
        place = game.receptacles[stop.receptacle]
        if place.location != here:
            yield f"go to {place.name}", stop
            here = place.location
        if stop.verb in _NEEDS_OPEN and place.openable and stop.receptacle not in opened:
            yield f"open {place.name}", stop
            opened.add(stop.receptacle)
        if stop.verb != "go":
            yield _command(world, stop), stop


def _command(world: World, stop: Stop) -> str:
    thing, place = world.game.things[stop.thing].name, world.game.receptacles[stop.receptacle].name
    if stop.verb == "take":
        return f"take {thing} from {place}"
    if stop.verb == "put":
        return world.game.wording.put_command.format(o=thing, r=place)
    if stop.verb == "use":
        return f"use {thing}"
    return f"{stop.verb} {thing} with {place}"


def _price(world: World, tour: Tour) -> int:
    receptacles = world.game.receptacles
    here = world.location
    price = 0
    opened: tuple[int, ...] = ()
    for stop in tour:
        r = stop.receptacle
        place = receptacles[r]
        if place.location != here:
            here = place.location
            price += 1
        shut = place.openable and r not in world.opened and r not in opened
        if shut and stop.verb in _NEEDS_OPEN:
            opened = (*opened, r)
            price += 1
        if stop.verb != "go":
            price += 1
    return price


# -- the tours ------------------------------------------------------------------------------------


def _tours(world: World) -> Iterator[Tour]:
    """Every tour worth pricing: the shortest plan is always among them."""
    goal = world.game.goal
    held = world.held
    if goal.lamp_kind:
        tours: Iterable[Tour] = _look_tours(world)
    elif goal.task_type == "pick_two_obj_and_place":
        tours = _pair_tours(world)
    else:
        tours = _place_tours(world)
    for tour in tours:
        if held < 0 or _begins_with_hand(world, tour):
            yield tour
        else:
            yield from _after_dropping(world, tour)


def _begins_with_hand(world: World, tour: Tour) -> bool:
    return tour[0].thing == world.held or not any(stop.verb == "take" for stop in tour)


def _after_dropping(world: World, tour: Tour) -> Iterator[Tour]:
    """Put down the wrong object first: here, on the way, or at the handiest place elsewhere."""
    held = world.held
    kind = world.game.things[held].kind
    visited = {stop.receptacle for stop in tour}
    places = {world.game.receptacles[r].location for r in visited} | {world.location}
    elsewhere: int | None = None
    for r, place in enumerate(world.game.receptacles):
        if kind not in place.accepts:
            continue
        if r in visited or place.location in places:
            yield (Stop("put", held, r), *tour)
        elif elsewhere is None or not world.accessible(elsewhere):
            elsewhere = r
    if elsewhere is not None:
        yield (Stop("put", held, elsewhere), *tour)


def _fetch(world: World, thing: int) -> Iterator[Tour]:
    """Ways of getting a thing into the hand."""
    if thing == world.held:
        yield ()
    elif "pickupable" in world.game.things[thing].traits:
        for r in world.where(thing):
            yield (Stop("take", thing, r),)


def _wanted(world: World) -> list[int]:
    kind = world.game.goal.object_kind
    return [i for i, t in enumerate(world.game.things) if t.kind == kind]


def _targets(world: World) -> list[int]:
    kind = world.game.goal.receptacle_kind
    return [i for i, r in enumerate(world.game.receptacles) if r.kind == kind]


def _place_tours(world: World) -> Iterator[Tour]:
    game = world.game
    process = PROCESS.get(game.goal.task_type)
    targets = _targets(world)
    takers = [r for r in targets if game.goal.object_kind in game.receptacles[r].accepts]
    for thing in _wanted(world):
        works: list[Tour] = [()]
        if process is not None and not world.satisfies(thing):
            if _TRAITS[process] not in game.things[thing].traits:
                continue
            works = [
                (Stop(process, thing, r),)
                for r, place in enumerate(game.receptacles)
                if place.kind in STATIONS[process]
            ]
        for fetch in _fetch(world, thing):
            left = {stop.receptacle for stop in fetch}
            # A file may list an object in two receptacles: it then is also where it was not taken.
            already = any(thing in world.contents[r] for r in targets if r not in left)
            for work in works:
                if already:
                    yield fetch + work
                for r in takers:
                    yield (*fetch, *work, Stop("put", thing, r))


_TRAITS = {"clean": "cleanable", "heat": "heatable", "cool": "coolable"}


def _look_tours(world: World) -> Iterator[Tour]:
    game = world.game
    toggled = world.states["toggled"]
    lamps = [
        Stop("go" if lamp in toggled else "use", lamp, r)
        for lamp, t in enumerate(game.things)
        if t.kind == game.goal.lamp_kind and "toggleable" in t.traits
        for r in world.where(lamp)
    ]
    for thing in _wanted(world):
        for fetch in _fetch(world, thing):
            for lamp in lamps:
                yield (*fetch, lamp)


def _pair_tours(world: World) -> Iterator[Tour]:
    game = world.game
    wanted = _wanted(world)
    for r in _targets(world):
        inside = [thing for thing in wanted if thing in world.contents[r]]
        if game.goal.object_kind not in game.receptacles[r].accepts:
            continue
        outside = [thing for thing in wanted if thing not in inside]
        errands = {
            thing: [(*fetch, Stop("put", thing, r)) for fetch in _fetch(world, thing)]
            for thing in outside
        }
        if inside:
            for thing in outside:
                yield from errands[thing]
            continue
        held = world.held
        firsts = [held] if held in outside else outside
        for first in firsts:
            for second in outside:
                if first == second:
                    continue
                for one in errands[first]:
                    for two in errands[second]:
                        yield one + two
