"""ALFWorld as an environment of LEAP: generated or official games, native or real engine."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

from pydantic import BaseModel, ConfigDict, Field, field_validator

from leap_alfworld import __version__
from leap_alfworld.engine import WELCOME, World
from leap_alfworld.errors import GameFileError
from leap_alfworld.generator import SPLITS as GENERATED_SPLITS
from leap_alfworld.generator import Generator
from leap_alfworld.layout import LAYOUT
from leap_alfworld.model import TASK_TYPES, Game
from leap_alfworld.official import (
    DATA_VARIABLE,
    GAME_FILE,
    SPLIT_SIZES,
    SplitIndex,
    digest,
    find_release,
    index_split,
)
from leap_alfworld.pddl import load_game
from leap_core import (
    ConfigError,
    DataError,
    Environment,
    EnvironmentFailure,
    Episode,
    Layout,
    Observation,
    ScriptedExpert,
    ScriptedPolicy,
    Task,
    Trajectory,
    Transition,
    unknown,
)

if TYPE_CHECKING:
    from leap_alfworld.real_engine import RealEngine

log = logging.getLogger(__name__)

_SIZES = {
    "train": 3553,
    "valid_seen": 140,
    "valid_unseen": 134,
    "test_seen": 140,
    "test_unseen": 134,
}
_UNWRITABLE = re.compile(r"[^a-z0-9 /]")


class AlfworldOptions(BaseModel):
    """Options of the environment.

    Attributes:
        games: "small" (generated, for tiny students), "full" (generated, as large as official
            ones) or "official" (game files, see `data_dir`).
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
        tidy: lower-case actions and drop signs that no command has, as the paper's agent did.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    games: Literal["small", "full", "official"] = "small"
    data_dir: Path | None = None
    split_sizes: dict[str, int] = Field(default_factory=dict)
    wording: Literal["move", "put"] = "move"
    task_types: tuple[str, ...] = TASK_TYPES
    seed: int = 0
    engine: Literal["native", "textworld"] = "native"
    textworld_python: Path | None = None
    welcome: bool = True
    hide: tuple[str, ...] = ()
    tidy: bool = True

    @field_validator("task_types")
    @classmethod
    def _known_types(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        for name in types:
            if name not in TASK_TYPES:
                raise ValueError(unknown("task type", name, TASK_TYPES))
        if not types:
            raise ValueError("name at least one task type")
        return types

    @field_validator("split_sizes")
    @classmethod
    def _known_splits(cls, sizes: dict[str, int]) -> dict[str, int]:
        for split, size in sizes.items():
            if split not in GENERATED_SPLITS:
                raise ValueError(unknown("split", split, GENERATED_SPLITS))
            if size < 1:
                raise ValueError(f"split '{split}' needs at least one game")
        return sizes

    def listed(self, commands: Sequence[str]) -> tuple[str, ...]:
        """The candidates of an observation: admissible commands, less those to hide."""
        if not self.hide:
            return tuple(commands)
        return tuple(c for c in commands if c.split(" ", 1)[0] not in self.hide)


class AlfworldEpisode(Episode):
    """One game on the native engine."""

    def __init__(self, game: Game, options: AlfworldOptions) -> None:
        self.world = World(game)
        self.options = options
        self.over = False

    def reset(self) -> Observation:
        """Start over."""
        self.over = False
        text = self.world.reset()
        return self._observe(text if self.options.welcome else text.removeprefix(WELCOME))

    def step(self, action: str) -> Transition:
        """Take a command; "Nothing happens." answers what is not one."""
        if self.over:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        text, won = self.world.step(tidy(action) if self.options.tidy else action)
        self.over = won
        info = {"success": won, "score": float(won)}
        return Transition(self._observe(text), float(won), terminated=won, info=info)

    def _observe(self, text: str) -> Observation:
        return Observation(text, self.options.listed(self.world.admissible()))


def tidy(action: str) -> str:
    """Lower-case an action and drop signs that no command has."""
    return _UNWRITABLE.sub("", action.lower()).strip()


class AlfworldEnvironment(Environment):
    """Household tasks in text: find an object, perhaps wash, heat or cool it, put it somewhere."""

    Options = AlfworldOptions
    horizon: ClassVar[int] = 30
    task_types: ClassVar[Sequence[str]] = TASK_TYPES
    guidance: ClassVar[str] = (
        "One can carry one object at a time. Closed receptacles must be opened to see into them, "
        "to take from them and to put into them; heating (microwave), cooling (fridge) and "
        "cleaning (sinkbasin) work on the object in hand and need no opening. Search receptacles "
        "that were not looked into yet, likely ones first; do not repeat what did nothing "
        '("Nothing happens."). "Look at" and "examine … with the desklamp" mean: hold the object '
        "and use the lamp. Two objects are brought one after the other to the same receptacle."
    )

    def __init__(self, options: AlfworldOptions) -> None:
        self.options = options
        self._indices: dict[str, SplitIndex] = {}
        self._load = lru_cache(maxsize=256)(self._load_game)
        self._engine: RealEngine | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (AlfworldEnvironment, (self.options,))

    # -- tasks --------------------------------------------------------------------------------

    def splits(self) -> Sequence[str]:
        """Split names; those of official games are the folders that there are."""
        if self.options.games != "official":
            return GENERATED_SPLITS
        release = self._release()
        return [split for split in SPLIT_SIZES if (release / split).is_dir()]

    def tasks(self, split: str) -> Sequence[Task]:
        """All tasks of a split. Generated ones are made as they are asked for."""
        if split not in self.splits():
            raise ConfigError(unknown("split", split, self.splits()))
        if self.options.games == "official":
            return self._official_tasks(split)
        count = self.options.split_sizes.get(split, _SIZES[split])
        return _GeneratedTasks(self._generator(), split, count)

    def _official_tasks(self, split: str) -> Sequence[Task]:
        release = self._release()
        if split not in self._indices:
            index = index_split(release, split)
            if index.skipped:
                first = next(why for reasons in index.skipped.values() for why in reasons)
                log.warning(
                    "%s: skipped %s (first: %s)", release / split, index.skipped_text(), first
                )
            expected = SPLIT_SIZES[split]
            if len(index.games) != expected:
                log.warning(
                    "%s has %d playable games; the official split has %d",
                    release / split,
                    len(index.games),
                    expected,
                )
            self._indices[split] = index
        tasks = [
            Task(entry.id, split, entry.task, entry.task_type, {"game": entry.id})
            for entry in self._indices[split].games
            if entry.task_type in self.options.task_types
        ]
        if not tasks:
            skipped = self._indices[split].skipped_text()
            raise DataError(
                f"'{release / split}' holds no playable game"
                + (f" (skipped: {skipped})" if skipped else "")
            )
        return tasks

    def _release(self) -> Path:
        release = find_release(self.options.data_dir)
        if release is None:
            raise DataError(
                "official games need their folder: set the option 'data_dir' or the environment "
                f"variable {DATA_VARIABLE}; 'leap alfworld data FOLDER' fetches them"
            )
        if not release.is_dir():
            raise DataError(f"the folder of official games '{release}' does not exist")
        if not any((release / split).is_dir() for split in SPLIT_SIZES):
            raise DataError(
                f"'{release}' holds none of the official splits ({', '.join(SPLIT_SIZES)})"
            )
        return release

    def _generator(self) -> Generator:
        options = self.options
        size: Literal["small", "full"] = "full" if options.games == "full" else "small"
        return Generator(size, options.wording, options.task_types, options.seed)

    # -- play ---------------------------------------------------------------------------------

    def open(self, task: Task, seed: int) -> Episode:
        """Open a game; there is no chance in it, so the seed changes nothing."""
        if self.options.engine == "textworld":
            from leap_alfworld.real_engine import RealEpisode

            return RealEpisode(self._real_engine(), self.game_text(task), self.options)
        return AlfworldEpisode(self.game(task), self.options)

    def _real_engine(self) -> RealEngine:
        from leap_alfworld.real_engine import RealEngine

        if self._engine is None:
            self._engine = RealEngine(self.options.textworld_python)
        return self._engine

    def game(self, task: Task) -> Game:
        """The game of a task. Kept for the next call; games are never changed."""
        try:
            return self._load(str(task.data.get("game", task.id)))
        except GameFileError as error:
            raise EnvironmentFailure(f"cannot open '{task.id}': {error}") from error

    def _load_game(self, key: str) -> Game:
        if self.options.games == "official":
            return load_game(self._release() / key / GAME_FILE, key)
        split, index = key.split("/")[-2:]
        return self._generator().game(split, int(index))

    def game_text(self, task: Task) -> str:
        """The content of a task's game file (written anew for a generated game)."""
        key = str(task.data.get("game", task.id))
        if self.options.games == "official":
            return (self._release() / key / GAME_FILE).read_text(encoding="utf-8")
        from leap_alfworld.writer import write_game

        split, index = key.split("/")[-2:]
        return write_game(self._generator().problem(split, int(index)))

    def annotation(self, task: Task) -> Path:
        """Where the human annotation of an official game is, if there is one."""
        if self.options.games != "official":
            raise DataError("generated games have no human annotation; use games: official")
        return self._release() / str(task.data.get("game", task.id)) / "traj_data.json"

    def tidy(self, action: str) -> str:
        """An action as the engine gets it."""
        return tidy(action) if self.options.tidy else action

    def layout(self) -> Layout:
        """Observations and actions as they are, candidates last."""
        return LAYOUT

    # -- teaching -------------------------------------------------------------------------------

    def demonstration_kinds(self) -> Sequence[str]:
        """ "planner" walks straight; "walkthrough" is the file's own; "explorer" searches."""
        return ("planner", "walkthrough", "explorer")

    def demonstrations(self, tasks: Sequence[Task], kind: str) -> Iterator[Trajectory]:
        """Yield one demonstration a task."""
        from leap_alfworld.demonstrations import demonstrate

        if kind not in self.demonstration_kinds():
            raise ConfigError(unknown("kind of demonstration", kind, self.demonstration_kinds()))
        return (demonstrate(self, task, kind) for task in tasks)

    def expert(self) -> ScriptedExpert:
        """The scripted privileged expert, for levels 1 to 5."""
        from leap_alfworld.expert import Expert

        return Expert()

    def scripted_policies(self) -> Sequence[str]:
        """The explorer."""
        return ("explorer",)

    def scripted_policy(self, name: str) -> ScriptedPolicy | None:
        """The unprivileged explorer, or None."""
        from leap_alfworld.expert import Explorer

        return Explorer() if name == "explorer" else None

    def pretrained_student(self) -> Path | None:
        """The small base that `scripts/pretrain_base.py` made from random walks."""
        folder = Path(__file__).parent / "base"
        return folder if (folder / "config.json").is_file() else None

    def fingerprint(self) -> Mapping[str, Any]:
        """Engine, games, wording, and a hash of the official files."""
        options = self.options
        facts: dict[str, Any] = {
            "environment": "alfworld",
            "version": __version__,
            "engine": options.engine,
            "games": options.games,
            "task_types": list(options.task_types),
        }
        if options.engine == "textworld":
            facts |= self._real_engine().versions()
        if options.games == "official":
            release = self._release()
            facts["data"] = {split: digest(release, split) for split in self.splits()}
        else:
            facts |= {"wording": options.wording, "seed": options.seed}
        return facts


class _GeneratedTasks(Sequence[Task]):
    """The tasks of a generated split, each made when it is asked for."""

    def __init__(self, generator: Generator, split: str, count: int) -> None:
        self.generator, self.split, self.size = generator, split, count

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> list[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | list[Task]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.size))]
        if not -self.size <= index < self.size:
            raise IndexError(index)
        index %= self.size
        key = self.generator.task_id(self.split, index)
        sentence = self.generator.game(self.split, index).task
        return Task(key, self.split, sentence, self.generator.task_type(index), {"game": key})
