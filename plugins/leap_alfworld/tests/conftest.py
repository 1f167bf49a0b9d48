"""Small games to test with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from leap_alfworld.generator import WORDINGS, Generator
from leap_alfworld.model import Game, Goal, Problem, RawObject, RawReceptacle, compile_game
from leap_alfworld.tables import ACCEPTS, TRAITS

MakeGame = Callable[..., Game]


def _kitchen() -> Problem:
    """Two cabinets that share a place, a fridge, a microwave, a sink, a countertop, a desk."""

    def receptacle(name: str, location: str, openable: bool = False) -> RawReceptacle:
        kind = name.partition("_")[0]
        if kind == "SinkBasin":
            return RawReceptacle("Sink_bar_1_bar_SinkBasin", kind, location, openable)
        return RawReceptacle(name, kind, location, openable)

    def thing(name: str, location: str) -> RawObject:
        kind = name.partition("_")[0]
        return RawObject(name, kind, TRAITS[kind], location)

    receptacles = (
        receptacle("Cabinet_bar_1", "loc_bar_1", True),
        receptacle("Cabinet_bar_2", "loc_bar_1", True),
        receptacle("CounterTop_bar_1", "loc_bar_2"),
        receptacle("Desk_bar_1", "loc_bar_3"),
        receptacle("Fridge_bar_1", "loc_bar_4", True),
        receptacle("Microwave_bar_1", "loc_bar_5", True),
        receptacle("SinkBasin_bar_1", "loc_bar_6"),
    )
    objects = (
        thing("Apple_bar_1", "loc_bar_2"),
        thing("Apple_bar_2", "loc_bar_1"),
        thing("Knife_bar_1", "loc_bar_2"),
        thing("Mug_bar_1", "loc_bar_1"),
        thing("DeskLamp_bar_1", "loc_bar_3"),
    )
    contents = (
        ("Apple_bar_1", "CounterTop_bar_1"),
        ("Apple_bar_2", "Cabinet_bar_1"),
        ("Knife_bar_1", "CounterTop_bar_1"),
        ("Mug_bar_1", "Cabinet_bar_2"),
        ("DeskLamp_bar_1", "Desk_bar_1"),
    )
    return Problem(
        name="kitchen",
        goal=Goal("pick_heat_then_place_in_recep", "apple", "fridge"),
        task="put a hot apple in fridge.",
        wording=WORDINGS["move"],
        start="loc_bar_9",
        receptacles=receptacles,
        objects=objects,
        contents=contents,
        can_contain={r.type: ACCEPTS[r.type] for r in receptacles},
    )


@pytest.fixture
def kitchen() -> Problem:
    """A hand-made room, as a file would describe it."""
    return _kitchen()


@pytest.fixture
def make_game() -> MakeGame:
    """Builds that room as a game, with some of its parts changed."""

    def make(**changes: object) -> Game:
        return compile_game(replace(_kitchen(), **changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def small() -> Generator:
    """The generator of small games."""
    return Generator("small")


@pytest.fixture(scope="session")
def textworld_python() -> Path | None:
    """Python of the real engine: this one (None) or LEAP_TEXTWORLD_PYTHON; else skipped."""
    other = os.environ.get("LEAP_TEXTWORLD_PYTHON")
    if other:
        return Path(other)
    pytest.importorskip("alfworld", reason="leap-alfworld[textworld] is not installed")
    return None
