"""Options of the environment, as a configuration gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from leap_alfworld.generator import SPLITS
from leap_alfworld.homes import Homes, rooms
from leap_alfworld.model import TASK_TYPES
from leap_core import Section, sizes_by_split, subset_of

_UNWRITABLE = re.compile(r"[^a-z0-9 /]")


class AlfworldOptions(Section):
    """Options of the environment.

    Attributes:
        games: "small" (generated, for tiny students), "crowded" (generated kitchens, four of each
            kind of place in which things are kept), "full" (generated, as large as official
            ones) or "official" (game files, see `data_dir`).
        homes: of generated games: objects lie where common sense expects them ("usual"), or each
            kind of object has a home drawn by the world's seed ("drawn").
        data_dir: folder of the official games; else the environment variable ALFWORLD_DATA.
        split_sizes: how many games a generated split has; others keep the default (train 3553,
            seen 140, unseen 134, as upstream).
        wording: of generated games: "move X to Y" or "put X in/on Y". Official files have theirs.
        task_types: the task types to play.
        seed: of generated games; another seed is another world.
        engine: "native", or "textworld": the real engine (needs the extra).
        welcome: keep the line "-= Welcome to TextWorld, ALFRED! =-" in first observations.
        hide: commands not listed as candidates, by their first word ("help", "examine" …); they
            still work.
        textworld_python: the Python of the virtual environment that has the extra, if it is not
            this one.
        search: how the expert and the explorer go through places not looked at yet: the likeliest
            first (where homes are drawn nobody knows these: in the order of the listing), or
            round the room as listed (easier to learn).
        tidy: lower-case actions and drop signs that no command has, as the paper's agent did.
    """

    games: Literal["small", "crowded", "full", "official"] = "small"
    homes: Homes = "usual"
    data_dir: Path | None = None
    split_sizes: Annotated[dict[str, int], sizes_by_split(SPLITS)] = Field(default_factory=dict)
    wording: Literal["move", "put"] = "move"
    task_types: Annotated[tuple[str, ...], subset_of("task type", TASK_TYPES)] = TASK_TYPES
    seed: int = 0
    engine: Literal["native", "textworld"] = "native"
    textworld_python: Path | None = None
    welcome: bool = True
    hide: tuple[str, ...] = ()
    tidy: bool = True
    search: Literal["likely", "listed"] = "likely"

    @model_validator(mode="after")
    def _games_can_be_made(self) -> AlfworldOptions:
        if self.games == "official":
            if self.homes != "usual":
                raise ValueError("homes: drawn is of generated games; official files have theirs")
            return self
        made = frozenset().union(*(room.tasks for room in rooms(self.games)))
        missing = [kind for kind in self.task_types if kind not in made]
        if missing and "task_types" in self.model_fields_set:
            raise ValueError(f"games: {self.games} has no {', '.join(missing)}; leave it out")
        return self

    def command(self, action: str) -> str:
        """What the engine gets for an action."""
        return _UNWRITABLE.sub("", action.lower()).strip() if self.tidy else action

    def listed(self, commands: Sequence[str]) -> tuple[str, ...]:
        """The candidates of an observation: admissible commands, less those to hide."""
        if not self.hide:
            return tuple(commands)
        return tuple(c for c in commands if c.split(" ", 1)[0] not in self.hide)
