"""Games made from a seed: own rooms, own placements, the official rules and words.

A game is a function of `(size, split, index)` and of the generator's options, the same on every
machine and Python. As upstream, `train` and `valid_seen` share rooms (but no placement) and
`valid_unseen` has rooms of its own; `test_seen` and `test_unseen` are a second such pair.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from leap_alfworld import homes as drawn_homes
from leap_alfworld.engine import World
from leap_alfworld.homes import Homes, Size
from leap_alfworld.model import (
    PROCESS,
    TASK_TYPES,
    Game,
    Goal,
    Problem,
    RawObject,
    RawReceptacle,
    Wording,
    compile_game,
)
from leap_alfworld.planner import plan
from leap_alfworld.tables import ACCEPTS, LAMP_STANDS, OPENABLE, TRAITS, RoomKind

Places = Mapping[str, Mapping[str, float]]

DEFAULT_SIZES = {
    "train": 3553,
    "valid_seen": 140,
    "valid_unseen": 134,
    "test_seen": 140,
    "test_unseen": 134,
}
"""How many games a split has, after upstream's."""
SPLITS = tuple(DEFAULT_SIZES)
SEEN_ROOMS = 40
UNSEEN_ROOMS = 10

_HELP = """Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
"""

WORDINGS = {
    "move": Wording("move {o} to {r}", "You move the {o} to the {r}.", False, _HELP),
    "put": Wording("put {o} in/on {r}", "You put the {o} in/on the {r}.", True, None),
}
"""The two official wordings: "move" since 2.1.3, "put" before."""

_TRAIT = {"clean": "cleanable", "heat": "heatable", "cool": "coolable"}
_SENTENCES = {
    "pick_and_place_simple": ("put a {o} in {r}.", "put some {o} on {r}."),
    "look_at_obj_in_light": ("look at {o} under the {lamp}.", "examine the {o} with the {lamp}."),
    "pick_clean_then_place_in_recep": (
        "put a clean {o} in {r}.",
        "clean some {o} and put it in {r}.",
    ),
    "pick_heat_then_place_in_recep": ("put a hot {o} in {r}.", "heat some {o} and put it in {r}."),
    "pick_cool_then_place_in_recep": ("put a cool {o} in {r}.", "cool some {o} and put it in {r}."),
    "pick_two_obj_and_place": ("put two {o} in {r}.", "find two {o} and put them in {r}."),
}


@dataclass(frozen=True, slots=True)
class Generator:
    """A family of games.

    Attributes:
        size: "small" (about 9 receptacles and 9 objects), "crowded" (a kitchen of 19 receptacles,
            four of each kind in which things are kept) or "full" (as large as official games).
        wording: "move" (the current release's) or "put" (the one before).
        task_types: the types to generate, in turn; any of `TASK_TYPES`.
        seed: another seed is another world; task ids then name it.
        homes: "usual" (objects lie where common sense expects them) or "drawn" (each kind of
            object has a home drawn by the seed, see `leap_alfworld.homes`).
    """

    size: Size = "small"
    wording: Literal["move", "put"] = "move"
    task_types: Sequence[str] = TASK_TYPES
    seed: int = 0
    homes: Homes = "usual"

    def task_id(self, split: str, index: int) -> str:
        """The stable name of a game, such as "small/train/000123"."""
        drawn = "-drawn" if self.homes == "drawn" else ""
        family = f"{self.size}{drawn}" + (f"-seed{self.seed}" if self.seed else "")
        return f"{family}/{split}/{index:06d}"

    def task_type(self, index: int) -> str:
        """The task type of the game at an index: of any six in a row from a multiple of six, each
        occurs once (of fewer types, likewise), in no regular order, so that every n-th game is a
        fair sample too.
        """
        there = frozenset().union(*(room.tasks for room in drawn_homes.rooms(self.size)))
        turns = [kind for kind in self.task_types if kind in there]
        block, place = divmod(index, len(turns))
        random.Random(f"leap-alfworld types {self.seed} {block}").shuffle(turns)
        return turns[place]

    def game(self, split: str, index: int) -> Game:
        """Make a game ready for play."""
        return self._make(split, index)[1]

    def problem(self, split: str, index: int) -> Problem:
        """Make a game's description, which `leap_alfworld.writer` can write to a file."""
        return self._make(split, index)[0]

    def games(self, split: str, count: int) -> Iterator[Game]:
        """The first `count` games of a split."""
        return (self.game(split, index) for index in range(count))

    def _make(self, split: str, index: int) -> tuple[Problem, Game]:
        if split not in SPLITS:
            raise ValueError(f"unknown split '{split}'; there are: {', '.join(SPLITS)}")
        name = self.task_id(split, index)
        task_type = self.task_type(index)
        for attempt in range(1000):
            # Seeding with text does not depend on Python's hash seed.
            rng = random.Random(f"leap-alfworld game {name} {task_type} {attempt}")
            rooms = [room for room in drawn_homes.rooms(self.size) if task_type in room.tasks]
            kind = rng.choice(rooms)
            room = self._room(kind, self._room_number(split, rng))
            places = self._places(kind, {r.type for r in room})
            problem = _furnish(name, kind, room, places, task_type, self, rng)
            if problem is None:
                continue
            game = compile_game(problem)
            if plan(World(game)):
                return problem, game
        raise RuntimeError(f"no solvable game found for {name}")  # pragma: no cover

    def _room_number(self, split: str, rng: random.Random) -> int:
        if split.endswith("_unseen"):
            first = SEEN_ROOMS + (UNSEEN_ROOMS if split == "test_unseen" else 0)
            return first + rng.randrange(UNSEEN_ROOMS)
        return rng.randrange(SEEN_ROOMS)

    def _room(self, kind: RoomKind, number: int) -> tuple[RawReceptacle, ...]:
        rng = random.Random(f"leap-alfworld room {self.size} {self.seed} {kind.name} {number}")
        receptacles: list[RawReceptacle] = []
        for piece in kind.furniture:
            for _ in range(rng.randint(*drawn_homes.counts(piece, self.size))):
                location = _location(rng)
                if self.size == "full" and receptacles and rng.random() < 0.09:
                    location = receptacles[-1].location
                openable = piece.type in OPENABLE
                if self.size == "full" and piece.type in ("Cabinet", "Drawer"):
                    openable = rng.random() < 0.85
                receptacles.append(
                    RawReceptacle(_receptacle_id(piece.type, rng), piece.type, location, openable)
                )
        return tuple(receptacles)

    def _places(self, kind: RoomKind, there: Collection[str]) -> Places:
        """Where objects of each type lie in a room that has these receptacles, by weights."""
        if self.homes == "usual":
            return kind.places
        rankings = {t: drawn_homes.ranked(kind, t, self.size, self.seed) for t in kind.places}
        return {t: drawn_homes.weights(ranking, there) for t, ranking in rankings.items()}


# -- placement ------------------------------------------------------------------------------------


def _furnish(
    name: str,
    kind: RoomKind,
    room: tuple[RawReceptacle, ...],
    places: Places,
    task_type: str,
    family: Generator,
    rng: random.Random,
) -> Problem | None:
    """Choose a goal and put objects into a room; None where this draw makes no game."""
    there = {r.type for r in room}
    goal = _choose_goal(kind, there, task_type, rng)
    if goal is None:
        return None
    wanted, target, lamp = goal
    if family.homes == "drawn" and target == next(iter(places[wanted])):
        return None
    shelf = _Shelves(room, 9 if family.size == "full" else 3, rng)
    if task_type == "look_at_obj_in_light" or (kind.name == "bedroom" and rng.random() < 0.5):
        stands = [stand for stand in LAMP_STANDS if stand in there][:2]
        if not stands or not shelf.place("DeskLamp", dict.fromkeys(stands, 1)):
            return None
    avoid = {target} if target else set()
    least = 2 if task_type == "pick_two_obj_and_place" else 1
    for _ in range(rng.randint(least, least + 1)):
        weights = {p: w for p, w in places[wanted].items() if p not in avoid}
        if not shelf.place(wanted, weights):
            return None
    others = [k for k in kind.places if k != wanted]
    if family.size == "full":
        for other in others:
            for _ in range(rng.choice((0, 1, 1, 2, 2, 3))):
                shelf.place(other, places[other])
        for thing in kind.decor:
            shelf.stand(thing, _location(rng))
    else:
        rng.shuffle(others)
        for other in others[: rng.randint(6, 9)]:
            shelf.place(other, places[other])
    sentence = rng.choice(_SENTENCES[task_type])
    return Problem(
        name=name,
        goal=Goal(task_type, wanted.lower(), target.lower(), lamp.lower()),
        task=sentence.format(o=wanted.lower(), r=target.lower(), lamp=lamp.lower()),
        wording=WORDINGS[family.wording],
        start=_location(rng),
        receptacles=room,
        objects=tuple(shelf.objects),
        contents=tuple(shelf.contents),
        can_contain={r: ACCEPTS[r] for r in sorted(there)},
    )


def _choose_goal(
    kind: RoomKind, there: set[str], task_type: str, rng: random.Random
) -> tuple[str, str, str] | None:
    """Return (object, target receptacle, lamp), as types; the last two "" where there is none."""
    process = PROCESS.get(task_type)
    kinds = sorted(k for k in kind.places if process is None or _TRAIT[process] in TRAITS[k])
    wanted = rng.choice(kinds)
    if task_type == "look_at_obj_in_light":
        return wanted, "", "DeskLamp"
    targets = sorted(r for r in there if wanted in ACCEPTS[r])
    if not targets:
        return None
    return wanted, rng.choice(targets), ""


class _Shelves:
    """The receptacles of a room while objects are put into them."""

    def __init__(self, room: tuple[RawReceptacle, ...], most: int, rng: random.Random) -> None:
        self.room = room
        self.most = most
        self.rng = rng
        self.load = dict.fromkeys((r.id for r in room), 0)
        self.objects: list[RawObject] = []
        self.contents: list[tuple[str, str]] = []

    def place(self, kind: str, weights: Mapping[str, float]) -> bool:
        """Put an object into some receptacle with room left, by weights per receptacle type."""
        free = [r for r in self.room if weights.get(r.type) and self.load[r.id] < self.most]
        if not free:
            return False
        by_type = sorted({r.type for r in free})
        chosen = self.rng.choices(by_type, [weights[t] for t in by_type])[0]
        holder = self.rng.choice([r for r in free if r.type == chosen])
        thing = RawObject(_id(kind, self.rng), kind, TRAITS[kind], holder.location)
        self.load[holder.id] += 1
        self.objects.append(thing)
        self.contents.append((thing.id, holder.id))
        return True

    def stand(self, kind: str, location: str) -> None:
        """Put something that nobody carries somewhere in the room."""
        self.objects.append(RawObject(_id(kind, self.rng), kind, frozenset(), location))


def _id(kind: str, rng: random.Random) -> str:
    return kind + "".join(f"_bar_{_number(rng)}" for _ in range(3))


def _number(rng: random.Random) -> str:
    sign = rng.choice(("plus", "minus"))
    return f"_{sign}_{rng.randrange(10):02d}_dot_{rng.randrange(100):02d}"


def _receptacle_id(kind: str, rng: random.Random) -> str:
    # The readable name comes from the identifier: a basin is known by its last part.
    if kind.endswith("Basin"):
        return _id(kind.removesuffix("Basin"), rng) + f"_bar_{kind}"
    return _id(kind, rng)


def _location(rng: random.Random) -> str:
    x, y = rng.randrange(10, 1000), rng.randrange(10, 1000)
    return f"loc_bar_{x}_bar_{y}_bar_{rng.randrange(4)}_bar_{rng.choice((0, 30, 45, 60))}"
