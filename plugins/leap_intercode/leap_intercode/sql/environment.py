"""InterCode-SQL as an environment of LEAP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from leap_core import (
    ConfigError,
    Environment,
    EnvironmentContext,
    EnvironmentFailure,
    Episode,
    Layout,
    Observation,
    ScriptedExpert,
    ScriptedPolicy,
    Section,
    Task,
    Trajectory,
    Transition,
    sizes_by_split,
    subset_of,
    unknown,
)
from leap_intercode import __version__
from leap_intercode.episode import shorten
from leap_intercode.layout import SQL_LAYOUT
from leap_intercode.official import digest, find_file, read_list
from leap_intercode.sql.answer import Store
from leap_intercode.sql.choice import DUMP_FILES, TASK_FILES, chosen_store
from leap_intercode.sql.embedded import (
    DEFAULT_SIZES,
    NAME,
    SPLITS,
    TASK_TYPES,
    Question,
    database,
    questions,
)
from leap_intercode.sql.expert import SqlExpert, SqlExplorer, demonstrate
from leap_intercode.sql.reward import Rows, reward
from leap_intercode.sql.sqlite import SqliteStore

OFFICIAL_SPLITS = ("train", "test", "all")
HARDNESS = ("easy", "medium", "hard", "extra")
_TRAIN_SHARE = 0.7


class SqlOptions(Section):
    """Options of the environment `intercode-sql`.

    Attributes:
        tasks: "embedded" (a small shop of ours) or "official" (Spider's development set).
        data_dir: folder of the official files; else the environment variable INTERCODE_DATA.
        split_sizes: how many questions an embedded split has at most.
        task_types: of embedded questions: "filter", "count", "group", "join".
        seed: of the shop and its questions.
        store: where queries run: "sqlite" (in a process of its own, with MySQL's meaning) or
            "mariadb" (a server that LEAP starts and ends; official tasks only).
        url: a MySQL or MariaDB server of yours that holds the official databases, such as
            mysql://user@host:3306, whose user can only read (password: environment variable
            INTERCODE_SQL_PASSWORD); in place of a store.
        scoring: reward on `submit`, or after every turn.
        seconds: how long a query may take.
        shown: characters of a result that the student is shown.
    """

    tasks: Literal["embedded", "official"] = "embedded"
    data_dir: Path | None = None
    split_sizes: Annotated[dict[str, int], sizes_by_split(SPLITS)] = Field(default_factory=dict)
    task_types: Annotated[tuple[str, ...], subset_of("task type", TASK_TYPES)] = TASK_TYPES
    seed: int = 0
    store: Literal["sqlite", "mariadb"] = "sqlite"
    url: str | None = None
    scoring: Literal["submit", "every_turn"] = "submit"
    seconds: float = Field(10.0, gt=0, le=600)
    shown: int = Field(2000, ge=100)


class SqlEnvironment(Environment):
    """Questions about a database, answered by queries."""

    Options = SqlOptions
    horizon: ClassVar[int] = 10
    task_types: ClassVar[Sequence[str]] = (*TASK_TYPES, *HARDNESS)
    guidance: ClassVar[str] = (
        "The score compares the rows of the last statement before `submit`, and their order, with "
        "those of a reference query. Discover first: SHOW TABLES, then DESCRIBE the tables that "
        "the question is about; never use a table or column that was not seen. Return exactly the "
        "columns asked for, in the order in which the question names them. Try a query, look at "
        "its rows, refine it, and submit as soon as they answer the question. Correct sparingly: "
        "only decisive steps (a wrong query, a guessed name, a forgotten or premature submit). "
        "Write reasons in the student's own voice, from what it has seen."
    )

    options: SqlOptions

    def __init__(self, options: SqlOptions, context: EnvironmentContext | None = None) -> None:
        super().__init__(options, context)
        self._tasks = lru_cache(maxsize=8)(self._read_tasks)

    def __reduce__(self) -> tuple[object, ...]:
        return (SqlEnvironment, (self.options, self.context))

    # -- tasks --------------------------------------------------------------------------------

    def splits(self) -> Sequence[str]:
        """Names of the splits; the official set is cut by index, 70 to 30."""
        return SPLITS if self.options.tasks == "embedded" else OFFICIAL_SPLITS

    def tasks(self, split: str) -> Sequence[Task]:
        """All tasks of a split."""
        if split not in self.splits():
            raise ConfigError(unknown("split", split, self.splits()))
        return [
            Task(
                id=t.id,
                split=t.split,
                goal=t.goal,
                task_type=t.task_type,
                data={"database": t.data["database"]},
            )
            for t in self._tasks(split)
        ]

    def _read_tasks(self, split: str) -> list[Task]:
        options = self.options
        if options.tasks == "embedded":
            size = options.split_sizes.get(split, DEFAULT_SIZES[split])
            return [
                Task(
                    id=f"shop/{options.seed}/{split}/{i}",
                    split=split,
                    goal=q.query,
                    task_type=q.task_type,
                    data=_data(q),
                )
                for i, q in enumerate(questions(options.seed, split, size, options.task_types))
            ]
        path = find_file(options.data_dir, TASK_FILES)
        items = read_list(path, ("query", "gold", "db", "hardness"))
        tasks = [
            Task(
                id=f"spider/{i}",
                split=split,
                goal=item["query"],
                task_type=item["hardness"],
                data={"gold": item["gold"], "database": item["db"], "tables": ()},
            )
            for i, item in enumerate(items)
        ]
        cut = round(len(tasks) * _TRAIN_SHARE)
        return {"train": tasks[:cut], "test": tasks[cut:], "all": tasks}[split]

    def gold(self, task: Task) -> str:
        """The gold query; for the evaluation and for privileged sources only."""
        return str(self._whole(task).data["gold"])

    def tables(self, task: Task) -> Sequence[str]:
        """Tables that the gold query needs, where that is known."""
        return tuple(self._whole(task).data["tables"])

    def _whole(self, task: Task) -> Task:
        for found in self._tasks(task.split):
            if found.id == task.id:
                return found
        raise EnvironmentFailure(f"there is no task '{task.id}' in split '{task.split}'")

    # -- play ---------------------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """Where queries run."""
        options = self.options
        server = "url" if options.url else "store: mariadb" if options.store == "mariadb" else ""
        if server and options.tasks == "embedded":
            raise ConfigError(
                f"the option '{server}' serves official tasks; the shop lives in SQLite"
            )
        if options.tasks == "embedded":
            return SqliteStore({NAME: database(options.seed)})
        return chosen_store(options.store, options.url, options.data_dir)

    def answer(self, task: Task) -> Rows | str | None:
        """What the gold query returns."""
        name = str(task.data["database"])
        return self.store.run(name, self.gold(task), 60.0).observation

    def open(self, task: Task, seed: int) -> Episode:
        """Open a task; there is no chance in it."""
        return SqlEpisode(self, task)

    def layout(self) -> Layout:
        """The question, then statements and results."""
        return SQL_LAYOUT

    # -- teaching -------------------------------------------------------------------------------

    def demonstration_kinds(self) -> Sequence[str]:
        """Look at tables, query, submit; or the gold query at once."""
        return ("expert", "gold")

    def demonstrate(self, task: Task, kind: str) -> Trajectory:
        """One demonstration."""
        return demonstrate(self, self.gold(task), task, kind)

    def expert(self) -> ScriptedExpert:
        """The scripted privileged expert, for levels 1 to 5."""
        return SqlExpert()

    def scripted_policies(self) -> Sequence[str]:
        """The explorer."""
        return ("explorer",)

    def scripted_policy(self, name: str) -> ScriptedPolicy | None:
        """The unprivileged explorer, or None."""
        return SqlExplorer() if name == "explorer" else None

    def labelled_reasons(self) -> Path | None:
        """Reasons in generated worlds, told apart into leaks and honest ones."""
        return Path(__file__).parent.parent / "audit" / "intercode-sql.jsonl"

    def fingerprint(self) -> Mapping[str, Any]:
        """Store with its version, tasks, and a hash of the official files."""
        options = self.options
        facts: dict[str, Any] = {
            "environment": "intercode-sql",
            "version": __version__,
            "tasks": options.tasks,
            "scoring": options.scoring,
            **self.store.facts(),
        }
        if options.tasks == "official":
            names = (TASK_FILES, DUMP_FILES)
            paths = [find_file(options.data_dir, files) for files in names]
            facts["data"] = {path.name: digest(path) for path in paths}
        else:
            facts |= {"seed": options.seed, "task_types": list(options.task_types)}
        return facts


def _data(question: Question) -> dict[str, Any]:
    return {"gold": question.gold, "database": NAME, "tables": question.tables}


class SqlEpisode(Episode):
    """One question."""

    def __init__(self, environment: SqlEnvironment, task: Task) -> None:
        self.environment, self.task = environment, task
        self.rows: Rows | str | None = None
        self.best = 0.0
        self.over = True
        self._shown = task.goal

    def reset(self) -> Observation:
        """Start over; the first observation is the question."""
        self.rows, self.best, self.over = None, 0.0, False
        self._shown = self.task.goal
        return Observation(text=self._shown)

    def step(self, action: str) -> Transition:
        """Run a statement; `submit…` ends with the reward, `skip` with none."""
        if self.over:
            raise EnvironmentFailure("the episode is over: reset it, or open another")
        if action.startswith("submit") or action == "skip":
            self.over = True
            score = 0.0 if action == "skip" else max(self.best, self._score())
            return Transition(
                observation=Observation(text=self._shown),
                reward=score,
                terminated=True,
                success=score >= 1.0,
                score=score,
            )
        environment = self.environment
        name, seconds = str(self.task.data["database"]), environment.options.seconds
        self.rows = environment.store.run(name, action, seconds).observation
        self._shown = shorten(str(self.rows), environment.options.shown)
        if environment.options.scoring == "submit":
            return Transition(observation=Observation(text=self._shown))
        score = self._score()
        self.best = max(self.best, score)
        self.over = score >= 1.0
        return Transition(
            observation=Observation(text=self._shown),
            reward=score,
            terminated=self.over,
            success=self.best >= 1.0,
            score=self.best,
        )

    def _score(self) -> float:
        return reward(self.rows, self.environment.answer(self.task))
