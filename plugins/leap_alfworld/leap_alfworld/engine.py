"""The game itself: a `World` answers commands as ALFWorld's TextWorld engine does.

The engine's oddities are part of the benchmark and kept:

* `look` away from furniture sees nothing (only the opening lists the receptacles);
* `examine` works on an object only while it is held;
* one cannot `go to` a receptacle that shares the present location, yet may use it;
* heating, cooling and cleaning need no open door; `use` always turns a lamp on;
* some files list an object in two receptacles, and taking it from one leaves it in the other;
* a command that is not admissible, to the letter, is answered "Nothing happens."
"""

from __future__ import annotations

from collections.abc import Iterable

from leap_alfworld.model import PROCESS, STATIONS, Game

WELCOME = "-= Welcome to TextWorld, ALFRED! =-\n\n"
NOTHING_HAPPENS = "Nothing happens."
_KNIVES = frozenset({"knife", "butterknife"})
_STATE_OF = {"heat": "hot", "clean": "clean", "cool": "cool"}
_TRAIT = {"heat": "heatable", "clean": "cleanable", "cool": "coolable"}

Command = tuple[str, int, int]
"""Verb, thing, receptacle (-1 where the verb takes none)."""


class World:
    """One game being played. Small, mutable, picklable; `copy` is cheap."""

    __slots__ = (
        "_local",
        "contents",
        "displaced",
        "game",
        "held",
        "location",
        "locations",
        "opened",
        "states",
    )

    def __init__(self, game: Game) -> None:
        self.game = game
        self.reset()

    # -- play ---------------------------------------------------------------------------------

    def reset(self) -> str:
        """Start over and return the opening text."""
        game = self.game
        self.location = game.start
        self.held = -1
        self.opened: set[int] = set()
        self.contents: list[tuple[int, ...]] = list(game.contents)
        self.locations: dict[int, set[int]] = {}
        self.displaced: set[tuple[int, int]] = set()
        self.states: dict[str, set[int]] = {
            "hot": set(),
            "cool": {i for i, t in enumerate(game.things) if "isCool" in t.traits},
            "clean": set(),
            "sliced": set(),
            "toggled": set(),
        }
        self._local = self._local_commands()
        return f"{WELCOME}{self._look(opening=True)}\n\nYour task is to: {game.task}"

    def step(self, action: str) -> tuple[str, bool]:
        """Take a command; return what is seen and whether the game is won."""
        command = action.strip()
        destination = self.game.destinations.get(command)
        if destination is not None:
            if self.game.receptacles[destination].location == self.location:
                return NOTHING_HAPPENS, self.won
            text = self._go(destination)
        else:
            found = self._local.get(command)
            if found is None:
                return NOTHING_HAPPENS, self.won
            text = self._do(*found)
        self._local = self._local_commands()
        return text, self.won

    def admissible(self) -> list[str]:
        """All commands that do something now, sorted."""
        # "go to" is the bulk of the list and sorts as one block, so only the rest needs sorting.
        before = sorted(c for c in self._local if c < "go to")
        after = sorted(c for c in self._local if c > "go to")
        return [*before, *self.game.go_to[self.location], *after]

    @property
    def won(self) -> bool:
        """Whether the goal holds now."""
        game, goal = self.game, self.game.goal
        if goal.lamp_kind:
            return (
                self.held >= 0
                and game.things[self.held].kind == goal.object_kind
                and self._lamp_is_lit_here()
            )
        need = 2 if goal.task_type == "pick_two_obj_and_place" else 1
        return any(
            len(inside) >= need and sum(map(self.satisfies, inside)) >= need
            for r, inside in zip(game.receptacles, self.contents, strict=True)
            if inside and r.kind == goal.receptacle_kind
        )

    def copy(self) -> World:
        """An independent copy of this moment of the game."""
        other = World.__new__(World)
        other.game = self.game
        other.location = self.location
        other.held = self.held
        other.opened = set(self.opened)
        other.contents = list(self.contents)
        other.locations = {thing: set(places) for thing, places in self.locations.items()}
        other.displaced = set(self.displaced)
        other.states = {name: set(things) for name, things in self.states.items()}
        other._local = self._local
        return other

    # -- questions about the present state ------------------------------------------------------

    def accessible(self, receptacle: int) -> bool:
        """Whether one can see and reach into a receptacle (leaving distance aside)."""
        return receptacle in self.opened or not self.game.receptacles[receptacle].openable

    def satisfies(self, thing: int) -> bool:
        """Whether a thing is of the goal's kind and in the state that the goal asks for."""
        goal, t = self.game.goal, self.game.things[thing]
        if t.kind != goal.object_kind:
            return False
        process = PROCESS.get(goal.task_type)
        if process is None:
            return True
        return _TRAIT[process] in t.traits and thing in self.states[_STATE_OF[process]]

    def where(self, thing: int) -> list[int]:
        """Receptacles that hold a thing (a few official files list one twice)."""
        return [r for r, inside in enumerate(self.contents) if thing in inside]

    def _lamp_is_lit_here(self) -> bool:
        kind, toggled = self.game.goal.lamp_kind, self.states["toggled"]
        return any(
            thing in toggled and self.game.things[thing].kind == kind
            for r in self.game.at_location.get(self.location, ())
            for thing in self.contents[r]
        )

    # -- commands -------------------------------------------------------------------------------

    def _local_commands(self) -> dict[str, Command]:
        """Every admissible command but "go to"; only what is here and held decides them."""
        game, held = self.game, self.held
        commands: dict[str, Command] = {
            "inventory": ("inventory", -1, -1),
            "look": ("look", -1, -1),
        }
        if game.wording.help is not None:
            commands["help"] = ("help", -1, -1)
        holding = game.things[held] if held >= 0 else None
        for r in game.at_location.get(self.location, ()):
            place = game.receptacles[r]
            commands[f"examine {place.name}"] = ("examine", -1, r)
            open_now = not place.openable
            if place.openable:
                open_now = r in self.opened
                verb = "close" if open_now else "open"
                commands[f"{verb} {place.name}"] = (verb, -1, r)
            if holding is not None:
                if open_now and holding.kind in place.accepts:
                    put = game.wording.put_command.format(o=holding.name, r=place.name)
                    commands[put] = ("put", held, r)
                for verb, kinds in STATIONS.items():
                    if place.kind in kinds and _TRAIT[verb] in holding.traits:
                        commands[f"{verb} {holding.name} with {place.name}"] = (verb, held, r)
            for thing in self.contents[r]:
                t = game.things[thing]
                if holding is None and open_now and "pickupable" in t.traits:
                    commands[f"take {t.name} from {place.name}"] = ("take", thing, r)
                if "toggleable" in t.traits:
                    commands[f"use {t.name}"] = ("use", thing, r)
        if holding is not None:
            commands[f"examine {holding.name}"] = ("examine", held, -1)
            if holding.kind in _KNIVES:
                for thing in self._sliceable_here():
                    name = game.things[thing].name
                    commands[f"slice {name} with {holding.name}"] = ("slice", thing, -1)
        return commands

    def _sliceable_here(self) -> Iterable[int]:
        for thing, t in enumerate(self.game.things):
            if "sliceable" in t.traits and self.location in self._locations_of(thing):
                yield thing

    def _locations_of(self, thing: int) -> set[int]:
        known = self.locations.get(thing)
        if known is not None:
            return known
        location = self.game.things[thing].location
        return set() if location is None else {location}

    def _do(self, verb: str, thing: int, receptacle: int) -> str:
        game = self.game
        o = game.things[thing].name if thing >= 0 else ""
        r = game.receptacles[receptacle].name if receptacle >= 0 else ""
        if verb == "take":
            inside = self.contents[receptacle]
            self.contents[receptacle] = tuple(t for t in inside if t != thing)
            self.locations[thing] = self._locations_of(thing) - {self.location}
            self.displaced.add((thing, receptacle))
            self.held = thing
            return f"You pick up the {o} from the {r}."
        if verb == "put":
            self.contents[receptacle] = tuple(sorted({*self.contents[receptacle], thing}))
            self.locations[thing] = self._locations_of(thing) | {self.location}
            self.displaced.discard((thing, receptacle))
            self.held = -1
            return game.wording.put_feedback.format(o=o, r=r)
        if verb == "open":
            self.opened.add(receptacle)
            return f"You open the {r}. {self._inspect(receptacle)}"
        if verb == "close":
            self.opened.discard(receptacle)
            return f"You close the {r}."
        if verb in STATIONS:
            self.states[_STATE_OF[verb]].add(thing)
            if verb != "clean":
                self.states["cool" if verb == "heat" else "hot"].discard(thing)
            return f"You {verb} the {o} using the {r}."
        if verb == "use":
            self.states["toggled"].add(thing)
            return f"You turn on the {o}."
        if verb == "slice":
            self.states["sliced"].add(thing)
            return f"You sliced the {o} with the {game.things[self.held].name}."
        if verb == "examine":
            return self._inspect(receptacle) if receptacle >= 0 else self._examine(thing)
        if verb == "inventory":
            if self.held < 0:
                return "You are not carrying anything."
            return f"You are carrying: a {game.things[self.held].name}."
        if verb == "help":
            return game.wording.help or ""
        return self._look()

    def _go(self, receptacle: int) -> str:
        place = self.game.receptacles[receptacle]
        self.location = place.location
        wording = self.game.wording
        there = self.game.location_names[place.location]
        name = there if wording.arrive_at_location else place.name
        return f"You arrive at {name}. {self._inspect(receptacle)}"

    # -- what is seen ---------------------------------------------------------------------------

    def _look(self, opening: bool = False) -> str:
        game = self.game
        here = game.at_location.get(self.location, ())
        if not here:
            seen = [f"a {r.name}" for r in game.receptacles] if opening else []
            return (
                "You are in the middle of a room. "
                f"Looking quickly around you, you see {_listing(seen)}."
            )
        facing = _listing([game.receptacles[r].name for r in here])
        # The engine counts as "next to" a receptacle what was once taken out of it and now lies
        # in another one at the same location.
        beside = [
            f"a {game.things[thing].name}"
            for thing, r in sorted(self.displaced)
            if r in here and self.location in self._locations_of(thing)
        ]
        return f"You are facing the {facing}. Next to it, you see {_listing(beside)}."

    def _inspect(self, receptacle: int) -> str:
        place = self.game.receptacles[receptacle]
        if place.openable and receptacle not in self.opened:
            return f"The {place.name} is closed."
        things = [f"a {self.game.things[t].name}" for t in self.contents[receptacle]]
        if place.openable:
            return f"The {place.name} is open. In it, you see {_listing(things)}."
        return f"On the {place.name}, you see {_listing(things)}."

    def _examine(self, thing: int) -> str:
        t = self.game.things[thing]
        if "isReceptacleObject" in t.traits:
            inner = _listing([f"a {name}" for name in t.inner])
            return f"This is a normal {t.name}. In it, you see {inner}."
        sliced = thing in self.states["sliced"]
        clean = thing in self.states["clean"]
        hot = thing in self.states["hot"]
        cool = thing in self.states["cool"]
        warmth = "hot" if hot else "cool" if cool else ""
        words = " and ".join(word for word in (warmth, "clean" if clean else "") if word)
        if sliced and words:
            return f"This is a {words} sliced {t.name}."
        if words:
            # "cold" only when nothing else is said of it: the engine's own inconsistency.
            return f"This is a {'cold' if words == 'cool' else words} {t.name}."
        if "toggleable" in t.traits and thing in self.states["toggled"]:
            return f"This {t.name} is on."
        if sliced and "sliceable" in t.traits:
            return f"This is a sliced {t.name}."
        return f"There's nothing special about {t.name}."


def _listing(names: list[str]) -> str:
    if not names:
        return "nothing"
    if len(names) == 1:
        return names[0]
    return ", ".join(names[:-1]) + ", and " + names[-1]
