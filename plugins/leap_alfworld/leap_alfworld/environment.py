"""ALFWorld as an environment of LEAP: generated or official games, native or real engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from leap_alfworld import __version__
from leap_alfworld.demonstrations import KINDS, REVEALING, demonstrate
from leap_alfworld.episode import AlfworldEpisode
from leap_alfworld.errors import GameFileError
from leap_alfworld.expert import Expert, Explorer
from leap_alfworld.generator import DEFAULT_SIZES, Generator
from leap_alfworld.generator import SPLITS as GENERATED_SPLITS
from leap_alfworld.homes import Size
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
from leap_alfworld.options import AlfworldOptions
from leap_alfworld.pddl import load_game
from leap_alfworld.search import Search, search_for
from leap_core import (
    ConfigError,
    DataError,
    Environment,
    EnvironmentContext,
    EnvironmentFailure,
    Episode,
    Layout,
    LazyTasks,
    ScriptedExpert,
    ScriptedPolicy,
    Task,
    Trajectory,
    unknown,
)

if TYPE_CHECKING:
    from leap_alfworld.real_engine import RealEngine

log = logging.getLogger(__name__)


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

    options: AlfworldOptions

    def __init__(self, options: AlfworldOptions, context: EnvironmentContext | None = None) -> None:
        super().__init__(options, context)
        self._indices: dict[str, SplitIndex] = {}
        self._load = lru_cache(maxsize=256)(self._load_game)
        self._engine: RealEngine | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (AlfworldEnvironment, (self.options, self.context))

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
        size = self.options.split_sizes.get(split, DEFAULT_SIZES[split])
        return LazyTasks(size, partial(self._generated_task, split))

    def _generated_task(self, split: str, index: int) -> Task:
        generator = self._generator()
        key, goal = generator.task_id(split, index), generator.game(split, index).task
        return Task(
            id=key, split=split, goal=goal, task_type=generator.task_type(index), data={"game": key}
        )

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
            Task(
                id=entry.id,
                split=split,
                goal=entry.task,
                task_type=entry.task_type,
                data={"game": entry.id},
            )
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
        size: Size = "small" if options.games == "official" else options.games
        return Generator(size, options.wording, options.task_types, options.seed, options.homes)

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
            path = self._release() / key / GAME_FILE
            try:
                return path.read_text(encoding="utf-8")
            except OSError as error:
                raise EnvironmentFailure(f"cannot read '{path}': {error.strerror}") from error
        from leap_alfworld.writer import write_game

        split, index = key.split("/")[-2:]
        return write_game(self._generator().problem(split, int(index)))

    def annotation(self, task: Task) -> Path:
        """Where the human annotation of an official game is, if there is one."""
        if self.options.games != "official":
            raise DataError("generated games have no human annotation; use games: official")
        return self._release() / str(task.data.get("game", task.id)) / "traj_data.json"

    def layout(self) -> Layout:
        """Observations and actions as they are, candidates last."""
        return LAYOUT

    # -- teaching -------------------------------------------------------------------------------

    def demonstration_kinds(self) -> Sequence[str]:
        """Return those that say nothing hidden first; `REVEALING` ones say where things are."""
        return KINDS

    def demonstrations(self, tasks: Sequence[Task], kind: str) -> Iterator[Trajectory]:
        """Yield a demonstration of each task; warn of kinds whose reasons say hidden things."""
        if kind in REVEALING:
            log.warning(
                "demonstrations of the kind '%s' say where hidden objects are, which a student "
                "then makes up; 'privileged' walks as straight and gives general reasons",
                kind,
            )
        return super().demonstrations(tasks, kind)

    def demonstrate(self, task: Task, kind: str) -> Trajectory:
        """One demonstration."""
        return demonstrate(self, self.game(task), self._search(), task, kind)

    def expert(self) -> ScriptedExpert:
        """The scripted privileged expert, for levels 1 to 5."""
        return Expert(self._search())

    def scripted_policies(self) -> Sequence[str]:
        """The explorer."""
        return ("explorer",)

    def scripted_policy(self, name: str) -> ScriptedPolicy | None:
        """The unprivileged explorer, or None."""
        return Explorer(self._search()) if name == "explorer" else None

    def _search(self) -> Search:
        return search_for(self.options.search, self.options.homes)

    def pretrained_student(self) -> Path | None:
        """The small base that `scripts/pretrain_base.py` made from random walks."""
        folder = Path(__file__).parent / "base"
        return folder if (folder / "config.json").is_file() else None

    def labelled_reasons(self) -> Path | None:
        """Reasons in generated worlds, told apart into leaks and honest ones."""
        return Path(__file__).parent / "audit" / "alfworld.jsonl"

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
            facts |= {"wording": options.wording, "seed": options.seed, "homes": options.homes}
        return facts
