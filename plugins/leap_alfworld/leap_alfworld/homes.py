"""Drawn homes: worlds in which nobody can know beforehand where things are kept.

In the usual worlds objects lie where `tables` says, as common sense expects. In a world with drawn
homes each kind of object has a home kind of receptacle in each kind of room, drawn by the world's
seed, and lies there in most games. Such a prior cannot be read off the words: one has to have
played many games, or to be taught by somebody who sees where things are.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace
from typing import Literal

from leap_alfworld.tables import ACCEPTS, KITCHEN, ROOMS, Furniture, RoomKind

Size = Literal["small", "crowded", "full"]
SIZES: tuple[Size, ...] = ("small", "crowded", "full")
Homes = Literal["usual", "drawn"]

SHARES = (85.0, 12.0, 3.0)
"""Percent of the objects of a kind that lie at home, in their second home, and anywhere else."""

_FOUR_TIMES = ("CounterTop", "DiningTable", "SideTable")
_ONCE = ("Cabinet", "Drawer", "Fridge", "GarbageCan", "Microwave", "Shelf", "SinkBasin")
_CROWDED = replace(
    KITCHEN,
    furniture=tuple(
        Furniture(type_, (count, count), (count, count))
        for types, count in ((_FOUR_TIMES, 4), (_ONCE, 1))
        for type_ in types
    ),
)
_AT_LEAST: dict[Size, int] = {"small": 1, "crowded": 4, "full": 1}
"""How many of a receptacle every room must have for it to be a home."""


def rooms(size: Size) -> tuple[RoomKind, ...]:
    """Return the kinds of room in games of a size; crowded games have one, a kitchen."""
    return (_CROWDED,) if size == "crowded" else ROOMS


def counts(piece: Furniture, size: Size) -> tuple[int, int]:
    """Return the least and the largest number of a receptacle in rooms of a size."""
    return piece.full if size == "full" else piece.small


def ranked(room: RoomKind, thing: str, size: Size, seed: int) -> tuple[str, ...]:
    """Return the kinds of receptacle that take a thing, its home first, as a world's seed has it.

    Homes are kinds that every such room has (in crowded rooms: those that there are four of), so
    that a player who knows the home can always go there.
    """
    takers = sorted(piece.type for piece in room.furniture if thing in ACCEPTS[piece.type])
    random.Random(f"leap-alfworld homes {seed} {room.name} {thing}").shuffle(takers)
    least = {piece.type: counts(piece, size)[0] for piece in room.furniture}
    return tuple(sorted(takers, key=lambda type_: least[type_] < _AT_LEAST[size]))


def weights(ranking: Collection[str], there: Collection[str]) -> dict[str, float]:
    """Return how often a thing lies in each kind of receptacle that is `there`, in percent."""
    first, second, rest = SHARES
    present = [type_ for type_ in ranking if type_ in there]
    others = present[2:]
    shares = [first, second, *(rest / len(others) for _ in others)]
    return dict(zip(present, shares, strict=False))
