"""How a sensible player acts on what it has seen: finish what can be finished, else search.

The unprivileged explorer and the scripted expert (up to level 4) share this module; they differ
in how they order the places to search and in what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leap_alfworld.memory import Memory, kind_of
from leap_alfworld.model import PROCESS, STATIONS, Goal
from leap_alfworld.tables import ACCEPTS, LAMP_STANDS, OPENABLE, ROOMS

Order = Callable[[str, Sequence[str], Memory], list[str]]
"""Sorts unexplored places by how soon to look there for a kind of object."""


@dataclass(frozen=True, slots=True)
class Search:
    """How to look for a kind of thing.

    Attributes:
        order: which of the places not looked into yet to try first.
        tour: begin anywhere, then go round the room in the order of its listing, open whatever is
            closed, and take what is in sight. Where one stands is all that has to be remembered.
    """

    order: Order
    tour: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """An action, and what it is for.

    Attributes:
        action: the command.
        purpose: "search" and "open" to find or reach something; "fetch" and "take" an object
            seen before; bring it to a "station" and "process" it, to its target ("bring", "put")
            or to a "lamp" ("light"); get rid of another object ("leave", "drop"); or "look".
        thing: the object concerned (its name if it is known, else its kind).
        place: the receptacle concerned.
    """

    action: str
    purpose: str
    thing: str = ""
    place: str = ""


def decide(goal: Goal, memory: Memory, candidates: Sequence[str], search: Search) -> Decision:
    """The next action for `goal`, from what was seen and what can be done now."""
    return _Turn(goal, memory, frozenset(candidates), search).decide()


@dataclass(frozen=True, slots=True)
class _Turn:
    goal: Goal
    memory: Memory
    candidates: frozenset[str]
    search: Search

    def decide(self) -> Decision:
        held = self.memory.held
        wanted = self.goal.object_kind
        if held and kind_of(held) != wanted:
            return self._drop(held)
        if self.goal.lamp_kind:
            return self._to_lamp(held) if held else self._get(wanted)
        if held:
            return self._deliver(held)
        return self._get(wanted)

    # -- getting the object -----------------------------------------------------------------

    def _get(self, kind: str) -> Decision:
        spots = self.memory.seen_at(kind)
        done = self._done()
        known = [(thing, place) for thing, place in spots.items() if thing not in done]
        known.sort(key=lambda pair: not self._here(pair[1]))
        if self.search.tour:
            known = [pair for pair in known if self._here(pair[1])]
        for thing, place in known:
            take = f"take {thing} from {place}"
            if take in self.candidates:
                return Decision(take, "take", thing, place)
            step = self._approach(place, "fetch", thing)
            if step is not None:
                return step
        return self._look_for(kind)

    def _done(self) -> set[str]:
        """Objects that already lie where they should (only "pick two" goes on after one)."""
        if self.goal.task_type != "pick_two_obj_and_place":
            return set()
        target = self._target("")
        things = self.memory.contents.get(target, ()) if target else ()
        return {thing for thing in things if kind_of(thing) == self.goal.object_kind}

    def _look_for(self, kind: str) -> Decision:
        unexplored = self.memory.unexplored()
        for place in unexplored:
            # Already in front of it: opening it now costs one action, coming back costs two.
            plausible = self.search.tour or likelihood(kind, kind_of(place)) >= 1
            if plausible and f"open {place}" in self.candidates:
                return Decision(f"open {place}", "open", kind, place)
        for place in self._places_to_try(kind, unexplored):
            step = self._approach(place, "search", kind)
            if step is not None:
                return step
            if f"examine {place}" in self.candidates:
                return Decision(f"examine {place}", "look", kind, place)
        for place in self.memory.visits:
            step = self._approach(place, "search", kind)
            if step is not None:
                return step
        return Decision("look", "look", kind)

    def _places_to_try(self, kind: str, unexplored: Sequence[str]) -> Sequence[str]:
        if self.search.tour and self.memory.here:
            return tour(self.memory)
        return self.search.order(kind, unexplored, self.memory)

    # -- using it ---------------------------------------------------------------------------

    def _deliver(self, held: str) -> Decision:
        process = PROCESS.get(self.goal.task_type)
        if process and process not in self.memory.states.get(held, ()):
            for place in self._stations(process):
                command = f"{process} {held} with {place}"
                if command in self.candidates:
                    return Decision(command, "process", held, place)
            for place in self._stations(process):
                step = self._approach(place, "station", held, through_door=False)
                if step is not None:
                    return step
        target = self._target(held)
        if target:
            put = self._put(held, target)
            if put:
                return Decision(put, "put", held, target)
            step = self._approach(target, "bring", held)
            if step is not None:
                return step
        return self._look_for(self.goal.receptacle_kind)

    def _target(self, held: str) -> str:
        """Which receptacle of the goal's kind: where one of two lies, here, open, then any."""
        memory, wanted = self.memory, self.goal.object_kind
        pair = self.goal.task_type == "pick_two_obj_and_place"

        def cost(place: str) -> tuple[bool, bool, bool]:
            has_one = pair and any(kind_of(t) == wanted for t in memory.contents.get(place, ()))
            shut = place in memory.closed or (
                place not in memory.looked and kind_of(place) in _OPENABLE
            )
            return (not has_one, not self._here(place), shut)

        targets = [p for p in memory.places if kind_of(p) == self.goal.receptacle_kind]
        if held:
            # What was refused here once is refused for good (no command to put it down).
            targets = [p for p in targets if not self._refused(held, p)]
        return min(targets, key=cost, default="")

    def _refused(self, held: str, place: str) -> bool:
        opened = place in self.memory.looked and place not in self.memory.closed
        return self._here(place) and opened and not self._put(held, place)

    def _to_lamp(self, held: str) -> Decision:
        lamps = self.memory.seen_at(self.goal.lamp_kind)
        for lamp, place in sorted(lamps.items()):
            use = f"use {lamp}"
            if use in self.candidates:
                return Decision(use, "light", lamp, place)
        for lamp, place in sorted(lamps.items()):
            step = self._approach(place, "lamp", lamp, through_door=False)
            if step is not None:
                return step
        return self._look_for(self.goal.lamp_kind)

    def _drop(self, held: str) -> Decision:
        for place in self.memory.places:
            put = self._put(held, place)
            if put:
                return Decision(put, "drop", held, place)
        takers = [p for p in self.memory.places if accepts(kind_of(p), kind_of(held))]
        takers.sort(key=lambda p: kind_of(p) in _OPENABLE and p not in self.memory.looked)
        for place in takers:
            step = self._approach(place, "leave", held)
            if step is not None:
                return step
        return self._look_for(self.goal.object_kind)

    # -- moving -----------------------------------------------------------------------------

    def _here(self, place: str) -> bool:
        # Everywhere else can be gone to. ("examine" would tell as well, but may be hidden.)
        return f"go to {place}" not in self.candidates

    def _approach(
        self, place: str, purpose: str, thing: str, through_door: bool = True
    ) -> Decision | None:
        """Go there, or open it if here; None if neither can be done."""
        if f"go to {place}" in self.candidates:
            return Decision(f"go to {place}", purpose, thing, place)
        if through_door and f"open {place}" in self.candidates:
            return Decision(f"open {place}", "open", thing, place)
        return None

    def _put(self, held: str, place: str) -> str:
        for command in (f"move {held} to {place}", f"put {held} in/on {place}"):
            if command in self.candidates:
                return command
        return ""

    def _stations(self, process: str) -> list[str]:
        places = [p for p in self.memory.places if kind_of(p) in STATIONS[process]]
        return sorted(places, key=lambda place: not self._here(place))


# -- common sense --------------------------------------------------------------------------------


def accepts(place_kind: str, kind: str) -> bool:
    """Whether things of a kind can usually be put into receptacles of a kind."""
    return kind in _ACCEPTS.get(place_kind, frozenset())


def likelihood(kind: str, place_kind: str) -> float:
    """How often things of a kind are met in receptacles of a kind (not normalised)."""
    weight = _WEIGHTS.get(kind, {}).get(place_kind)
    return weight if weight is not None else 2.0 if accepts(place_kind, kind) else 0.1


def commonsense(kind: str, places: Sequence[str], memory: Memory) -> list[str]:
    """The best place to look first: likely ones, the open before the closed, shared among many."""
    count: dict[str, int] = {}
    for place in memory.places:
        count[kind_of(place)] = count.get(kind_of(place), 0) + 1

    def promise(place: str) -> float:
        effort = 2 if kind_of(place) in _OPENABLE else 1
        return likelihood(kind, kind_of(place)) / count[kind_of(place)] / effort

    return sorted(places, key=lambda place: -promise(place))


def in_order(kind: str, places: Sequence[str], memory: Memory) -> list[str]:
    """No preference: in the order of the room's listing."""
    position = {place: i for i, place in enumerate(memory.listing)}
    return sorted(places, key=lambda place: position.get(place, 0))


def of_kinds_first(order: Order, kinds: Sequence[str]) -> Order:
    """As `order`, but places of these kinds first, the first kind before the others."""
    rank = {kind: i for i, kind in enumerate(kinds)}

    def ordered(kind: str, places: Sequence[str], memory: Memory) -> list[str]:
        ranked = order(kind, places, memory)
        return sorted(ranked, key=lambda place: rank.get(kind_of(place), len(rank)))

    return ordered


def places_first(order: Order, chosen: Sequence[str]) -> Order:
    """As `order`, but these very places first."""

    def ordered(kind: str, places: Sequence[str], memory: Memory) -> list[str]:
        return sorted(order(kind, places, memory), key=lambda place: place not in chosen)

    return ordered


def tour(memory: Memory) -> tuple[str, ...]:
    """The places on from where one stands, in the order of the listing and round to its start."""
    start = memory.listing.index(memory.here) + 1 if memory.here in memory.listing else 0
    return (*memory.listing[start:], *memory.listing[: max(0, start - 1)])


def own_choice_first(order: Order, action: str) -> Order:
    """As `order`, but a place not looked at yet that the student itself goes to is as good."""

    def ordered(kind: str, places: Sequence[str], memory: Memory) -> list[str]:
        ranked = order(kind, places, memory)
        chosen = action.removeprefix("go to ")
        return [chosen, *(p for p in ranked if p != chosen)] if chosen in ranked else ranked

    return ordered


LIKELY = Search(commonsense)
LISTED = Search(in_order, tour=True)


def search_for(name: str, homes: str) -> Search:
    """Return how to search, from the options `search` and `homes`.

    Common sense is knowledge of the usual homes: of no use where homes are drawn, so that "likely"
    there is the order of the listing, each place once.
    """
    if name == "listed":
        return LISTED
    return LIKELY if homes == "usual" else Search(in_order)


_OPENABLE = frozenset(kind.lower() for kind in OPENABLE)
_ACCEPTS = {place.lower(): frozenset(k.lower() for k in kinds) for place, kinds in ACCEPTS.items()}
_WEIGHTS: dict[str, dict[str, float]] = {
    "desklamp": {stand.lower(): 10.0 - i for i, stand in enumerate(LAMP_STANDS)},
    "floorlamp": {},
}
for _room in ROOMS:
    for _kind, _places in _room.places.items():
        _row = _WEIGHTS.setdefault(_kind.lower(), {})
        for _place, _weight in _places.items():
            _row[_place.lower()] = max(_row.get(_place.lower(), 0.0), float(_weight))
