"""What a game is, whoever wrote it: an official file, or our generator.

`Problem` is the description as the file gives it (raw identifiers, facts). `Game` is the same,
compiled once for play: readable names, integer indices, tables. Both are immutable; all that
changes during play lives in `leap_alfworld.engine.World`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
"""The six task types, by the benchmark's own names."""

PROCESS = {
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "heat",
    "pick_cool_then_place_in_recep": "cool",
}
"""What must be done to the object before it is put down, for the task types that ask for it."""

STATIONS = {"clean": ("sinkbasin", "sink"), "heat": ("microwave",), "cool": ("fridge",)}
"""Kinds of receptacle at which each process works."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a release of the game files says things; read from the file's own grammar."""

    put_command: str
    put_feedback: str
    arrive_at_location: bool
    help: str | None = None

    @property
    def name(self) -> str:
        """ "put" for the older files, "move" for the newer ones."""
        return self.put_command.split(" ", 1)[0]


@dataclass(frozen=True, slots=True)
class Goal:
    """What wins: `object_kind` in `receptacle_kind`, or held under `lamp_kind`."""

    task_type: str
    object_kind: str
    receptacle_kind: str = ""
    lamp_kind: str = ""


@dataclass(frozen=True, slots=True)
class RawReceptacle:
    """A receptacle as the file names it."""

    id: str
    type: str
    location: str
    openable: bool


@dataclass(frozen=True, slots=True)
class RawObject:
    """An object as the file names it; `traits` holds "pickupable", "heatable", "isCool" …"""

    id: str
    type: str
    traits: frozenset[str]
    location: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """One game as its file describes it."""

    name: str
    goal: Goal
    task: str
    wording: Wording
    start: str
    receptacles: tuple[RawReceptacle, ...]
    objects: tuple[RawObject, ...]
    contents: tuple[tuple[str, str], ...]
    nested: tuple[tuple[str, str], ...] = ()
    can_contain: Mapping[str, frozenset[str]] = field(default_factory=dict)
    walkthrough: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Receptacle:
    """A piece of furniture or an appliance, where things are put."""

    name: str
    kind: str
    location: int
    openable: bool
    accepts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Thing:
    """An object, portable or not. `inner` names what the file says is inside it."""

    name: str
    kind: str
    traits: frozenset[str]
    location: int | None
    inner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Game:
    """A game ready for play; shared by any number of worlds.

    Receptacles and things are in the order in which the game lists them, so that indices
    compare as the game sorts. `go_to[location]` holds the commands that lead elsewhere.
    """

    name: str
    task: str
    goal: Goal
    wording: Wording
    receptacles: tuple[Receptacle, ...]
    things: tuple[Thing, ...]
    contents: tuple[tuple[int, ...], ...]
    start: int
    location_names: tuple[str, ...]
    walkthrough: tuple[str, ...] | None
    at_location: Mapping[int, tuple[int, ...]]
    go_to: Mapping[int, tuple[str, ...]]
    destinations: Mapping[str, int]

    @property
    def task_type(self) -> str:
        """One of `TASK_TYPES`."""
        return self.goal.task_type


def readable_names(ids: Iterable[str]) -> dict[str, str]:
    """Name identifiers as players see them: `bed_bar__plus_00…` becomes `bed 1`.

    Per kind, identifiers are numbered in sorted order from the highest number down.
    """
    ordered = sorted({identifier.lower() for identifier in ids})
    kinds = {identifier: _kind_in_name(identifier) for identifier in ordered}
    left = Counter(kind for kind in kinds.values() if kind)
    names = {}
    for identifier, kind in kinds.items():
        names[identifier] = f"{kind} {left[kind]}" if kind else f"{identifier} "
        left[kind] -= 1
    return names


def _kind_in_name(identifier: str) -> str:
    kind, bar, _ = identifier.partition("_bar_")
    if not bar:
        return ""
    return kind + "basin" if "basin" in identifier else kind


def compile_game(problem: Problem) -> Game:
    """Turn a description into a game ready for play."""
    receptacles = sorted(problem.receptacles, key=lambda r: r.id.lower())
    objects = sorted(problem.objects, key=lambda o: o.id.lower())
    locations = {r.location for r in receptacles} | {o.location for o in objects if o.location}
    ordered = sorted(location.lower() for location in locations | {problem.start})
    index = {location: i for i, location in enumerate(dict.fromkeys(ordered))}
    names = readable_names([*index, *(r.id for r in receptacles), *(o.id for o in objects)])

    inner: dict[str, list[str]] = {}
    for small, big in sorted((s.lower(), b.lower()) for s, b in problem.nested):
        inner.setdefault(big, []).append(names.get(small, small))
    things = tuple(
        Thing(
            name=names[o.id.lower()],
            kind=o.type.lower(),
            traits=o.traits,
            location=index[o.location.lower()] if o.location else None,
            inner=tuple(inner.get(o.id.lower(), ())),
        )
        for o in objects
    )
    accepts = {
        kind.lower(): frozenset(o.lower() for o in kinds)
        for kind, kinds in problem.can_contain.items()
    }
    built = tuple(
        Receptacle(
            name=names[r.id.lower()],
            kind=r.type.lower(),
            location=index[r.location.lower()],
            openable=r.openable,
            accepts=accepts.get(r.type.lower(), frozenset()),
        )
        for r in receptacles
    )
    r_index = {r.id.lower(): i for i, r in enumerate(receptacles)}
    o_index = {o.id.lower(): i for i, o in enumerate(objects)}
    contents: list[set[int]] = [set() for _ in built]
    for thing, holder in problem.contents:
        contents[r_index[holder.lower()]].add(o_index[thing.lower()])

    at_location: dict[int, tuple[int, ...]] = {}
    for i, r in enumerate(built):
        at_location[r.location] = (*at_location.get(r.location, ()), i)
    go_to = {
        location: tuple(sorted(f"go to {r.name}" for r in built if r.location != location))
        for location in {index[problem.start.lower()], *at_location}
    }
    return Game(
        name=problem.name,
        task=problem.task,
        goal=problem.goal,
        wording=problem.wording,
        receptacles=built,
        things=things,
        contents=tuple(tuple(sorted(inside)) for inside in contents),
        start=index[problem.start.lower()],
        location_names=tuple(names[location] for location in index),
        walkthrough=problem.walkthrough,
        at_location=at_location,
        go_to=go_to,
        destinations={f"go to {r.name}": i for i, r in enumerate(built)},
    )
