"""What a player can know: the task as worded, and what the observations so far have shown.

Everything here is read from text that the student has seen. Whatever acts on a `Memory` alone is
realizable: it makes no use of anything hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leap_alfworld.model import TASK_TYPES, Goal

_PICK, _LOOK, _CLEAN, _HEAT, _COOL, _TWO = TASK_TYPES
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), task_type)
    for pattern, task_type in (
        (r"look at (?P<o>\w+) under the (?P<lamp>\w+)", _LOOK),
        (r"examine the (?P<o>\w+) with the (?P<lamp>\w+)", _LOOK),
        (r"(?:put|find) two (?P<o>\w+) (?:and put them )?(?:in|on) (?P<r>\w+)", _TWO),
        (r"put a clean (?P<o>\w+) in (?P<r>\w+)", _CLEAN),
        (r"put a hot (?P<o>\w+) in (?P<r>\w+)", _HEAT),
        (r"put a cool (?P<o>\w+) in (?P<r>\w+)", _COOL),
        (r"clean some (?P<o>\w+) and put it in (?P<r>\w+)", _CLEAN),
        (r"heat some (?P<o>\w+) and put it in (?P<r>\w+)", _HEAT),
        (r"cool some (?P<o>\w+) and put it in (?P<r>\w+)", _COOL),
        (r"put (?:a|some) (?P<o>\w+) (?:in|on) (?P<r>\w+)", _PICK),
    )
)
_ROOM = re.compile(r"Looking quickly around you, you see (.+?)\.(?:\n|$)")
_INSIDE = re.compile(r"(?:On the ([\w ]+?)|The ([\w ]+?) is open\. In it), you see (.+?)\.")
_CLOSED = re.compile(r"(?:You close the ([\w ]+?)|The ([\w ]+?) is closed)\.")
_TAKEN = re.compile(r"You pick up the ([\w ]+?) from the ([\w ]+?)\.")
_PLACED = re.compile(r"You (?:put|move) the ([\w ]+?) (?:in/on|to) the ([\w ]+?)\.")
_PROCESSED = re.compile(r"You (heat|cool|clean) the ([\w ]+?) using the ([\w ]+?)\.")
_TURNED_ON = re.compile(r"You turn on the ([\w ]+?)\.")


def read_goal(task: str) -> Goal | None:
    """Understand a task sentence; None if it is worded in no known way."""
    for pattern, task_type in _SENTENCES:
        found = pattern.match(task.strip().lower())
        if found:
            parts = found.groupdict()
            return Goal(task_type, parts["o"], parts.get("r") or "", parts.get("lamp") or "")
    return None


def kind_of(name: str) -> str:
    """`cabinet` of `cabinet 3`."""
    return name.rpartition(" ")[0]


@dataclass(slots=True)
class Memory:
    """What has been shown so far.

    Attributes:
        listing: receptacles as the opening listed them.
        places: the same, lowest number first within a kind.
        contents: what is known to be in each receptacle, in the order in which they were first
            looked into; complete for those in `looked`.
        looked: receptacles looked into. (One can put and take without looking, where two
            receptacles share a place.)
        closed: receptacles known to be closed now.
        held: the object in hand, or "".
        states: what was done to each object ("clean", "heat", "cool").
        lit: lamps that were turned on.
        visits: receptacles gone to or opened, oldest first, each once at its latest visit.
    """

    listing: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    contents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    held: str = ""
    states: dict[str, set[str]] = field(default_factory=dict)
    lit: set[str] = field(default_factory=set)
    visits: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, observations: Sequence[str], actions: Iterable[str]) -> Memory:
        """Remember o_1, a_1, o_2 … (one observation more than actions)."""
        memory = cls()
        for action, observation in zip(["", *actions], observations, strict=True):
            memory.note(action, observation)
        return memory

    def note(self, action: str, observation: str) -> None:
        """Take in what one action led to ("" for the opening)."""
        room = _ROOM.search(observation)
        if room and not self.places:
            self.listing = tuple(_names(room.group(1)))
            self.places = tuple(sorted(self.listing, key=_natural))
        for on, inside, names in _INSIDE.findall(observation):
            place = on or inside
            self._visit(place)
            self.closed.discard(place)
            self.looked.add(place)
            self.contents[place] = tuple(_names(names))
        taken, placed = _TAKEN.search(observation), _PLACED.search(observation)
        processed, lamp = _PROCESSED.search(observation), _TURNED_ON.search(observation)
        if taken:
            self.held = taken.group(1)
            self._remove(self.held, taken.group(2))
        elif placed:
            thing, place = placed.groups()
            self.held = ""
            self.contents[place] = (*self.contents.get(place, ()), thing)
        elif processed:
            verb, thing, _ = processed.groups()
            done = self.states.setdefault(thing, set())
            done.add(verb)
            done.discard({"heat": "cool", "cool": "heat"}.get(verb, ""))
        elif lamp:
            self.lit.add(lamp.group(1))
        else:
            for shut, found_shut in _CLOSED.findall(observation):
                self.closed.add(shut or found_shut)
                self._visit(shut or found_shut)

    def seen_at(self, kind: str) -> dict[str, str]:
        """Objects of a kind that were seen and not moved since, and where."""
        return {
            thing: place
            for place, things in self.contents.items()
            for thing in things
            if kind_of(thing) == kind and thing != self.held
        }

    @property
    def here(self) -> str:
        """Where one stands: the receptacle gone to last, or "" at the start."""
        return self.visits[-1] if self.visits else ""

    def unexplored(self) -> list[str]:
        """Receptacles not looked into yet."""
        return [place for place in self.places if place not in self.looked]

    def _visit(self, place: str) -> None:
        if place in self.visits:
            self.visits.remove(place)
        self.visits.append(place)

    def _remove(self, thing: str, place: str) -> None:
        if place in self.contents:
            self.contents[place] = tuple(t for t in self.contents[place] if t != thing)


def _names(listing: str) -> list[str]:
    if listing == "nothing":
        return []
    return [part.strip() for part in re.split(r",? and an? |, an? |^an? ", listing) if part.strip()]


def _natural(name: str) -> tuple[str, int]:
    kind, _, number = name.rpartition(" ")
    return kind, int(number) if number.isdigit() else 0
