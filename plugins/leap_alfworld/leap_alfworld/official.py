"""The official game files: where they are, which count, and what is wrong with the others."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from leap_alfworld.errors import GameFileError
from leap_alfworld.pddl import load_problem

SPLIT_SIZES = {"train": 3553, "valid_train": 200, "valid_seen": 140, "valid_unseen": 134}
"""How many games of each split count, in the official release."""

DATA_VARIABLE = "ALFWORLD_DATA"
PACKS_VARIABLE = "LEAP_DATA_DIR"
GAME_FILE = "game.tw-pddl"
_RELEASE = "json_2.1.1"


@dataclass(frozen=True, slots=True)
class GameEntry:
    """One playable official game, as the index lists it. `id` is its folder under the release."""

    id: str
    task: str
    task_type: str


@dataclass(frozen=True, slots=True)
class SplitIndex:
    """The games of one split, and what was skipped: reason -> files.

    Games with sliced objects or movable receptacles are left out silently, as upstream does.
    """

    games: tuple[GameEntry, ...]
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def skipped_text(self) -> str:
        """One line on what was skipped; "" if nothing was."""
        counts = Counter({reason: len(why) for reason, why in self.skipped.items()})
        return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def find_release(data_dir: str | Path | None) -> Path | None:
    """The folder that holds the splits, or json_2.1.1 in it: `data_dir`, else $ALFWORLD_DATA, else
    the pack `alfworld` of $LEAP_DATA_DIR."""
    given = data_dir or os.environ.get(DATA_VARIABLE)
    packs = os.environ.get(PACKS_VARIABLE)
    if not given and packs:
        given = Path(packs) / "alfworld"
    if not given:
        return None
    folder = Path(given).expanduser()
    inner = folder / _RELEASE
    return inner if inner.is_dir() else folder


def index_split(release: Path, split: str) -> SplitIndex:
    """Read every game of a split, in the order of their paths; broken ones are skipped and kept
    in mind."""
    games: list[GameEntry] = []
    skipped: dict[str, list[str]] = {}
    unreadable: list[OSError] = []
    for path in sorted(_walk(release / split, unreadable.append)):
        name = path.parent.relative_to(release).as_posix()
        try:
            problem = load_problem(path, name)
        except GameFileError as error:
            skipped.setdefault(error.reason, []).append(str(error))
            continue
        games.append(GameEntry(name, problem.task, problem.goal.task_type))
    if unreadable:
        skipped["unreadable folder"] = [f"{e.filename}: {e.strerror}" for e in unreadable]
    return SplitIndex(tuple(games), skipped)


def game_files(folder: Path) -> list[Path]:
    """Game files under a folder, sorted by path; unreadable folders hold none."""
    return sorted(_walk(folder))


def _walk(folder: Path, on_error: Callable[[OSError], object] | None = None) -> Iterator[Path]:
    for root, _, files in os.walk(folder, onerror=on_error):
        if GAME_FILE in files and "movable" not in root and "Sliced" not in root:
            yield Path(root) / GAME_FILE


def digest(release: Path, split: str) -> str:
    """A short hash of a split's file names and sizes: tells one copy of the data from another."""
    state = hashlib.sha256()
    for path in game_files(release / split):
        state.update(f"{path.relative_to(release).as_posix()} {path.stat().st_size}\n".encode())
    return state.hexdigest()[:16]
