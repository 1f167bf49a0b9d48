"""InterCode-Bash as an environment of LEAP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

from leap_core import (
    ConfigError,
    Environment,
    EnvironmentContext,
    Episode,
    Layout,
    LazyTasks,
    ScriptedExpert,
    ScriptedPolicy,
    Task,
    Trajectory,
    unknown,
)
from leap_intercode import __version__
from leap_intercode.backend_choice import choose
from leap_intercode.backends import Backend
from leap_intercode.demonstrations import demonstrate
from leap_intercode.embedded import (
    DEFAULT_SIZES,
    SPLITS,
    TASK_TYPES,
    EmbeddedTask,
    make_task,
)
from leap_intercode.episode import BashEpisode
from leap_intercode.expert import BashExpert, BashExplorer
from leap_intercode.layout import BASH_LAYOUT
from leap_intercode.official import (
    FILE_SYSTEM_SPLITS,
    bash_tasks,
    digest,
    find_file,
)
from leap_intercode.official_files import official_tree, tree_source
from leap_intercode.official_trees import FILE_SYSTEMS
from leap_intercode.options import BashOptions
from leap_intercode.play import GoldRunner
from leap_intercode.tree import Tree


class BashEnvironment(Environment):
    """Requests in plain English, answered by bash commands in a sandbox."""

    Options = BashOptions
    horizon: ClassVar[int] = 10
    task_types: ClassVar[Sequence[str]] = (*TASK_TYPES, *FILE_SYSTEMS)
    guidance: ClassVar[str] = (
        "The score compares what the last command printed, and all changes to files, with what a "
        "reference command does; so the last command before `submit` must print exactly the "
        "answer, and no file may be made or changed that the task does not ask for. Discover "
        "first: list the folders that the task names, or find the file, before acting on them; "
        "never use a path that was neither told nor seen. Then try a command, look at what it "
        "prints, refine it, and submit as soon as the output is what was asked for. Correct "
        "sparingly: only the decisive steps (a wrong command, a needless change to a file, a "
        "forgotten or premature submit), and leave the rest as it is. Write reasons in the "
        "student's own voice, from what it has seen. Commands are wrapped in double quotes, so "
        "use single quotes inside them. There is no terminal, no input and no network, and a "
        "command has ten seconds."
    )

    options: BashOptions

    def __init__(self, options: BashOptions, context: EnvironmentContext | None = None) -> None:
        super().__init__(options, context)
        self._official = lru_cache(maxsize=8)(self._read_official)
        self._official_tree = cache(self._make_official_tree)

    def __reduce__(self) -> tuple[object, ...]:
        return (BashEnvironment, (self.options, self.context))

    # -- tasks --------------------------------------------------------------------------------

    def splits(self) -> Sequence[str]:
        """Names of the splits."""
        return SPLITS if self.options.tasks == "embedded" else tuple(FILE_SYSTEM_SPLITS)

    def tasks(self, split: str) -> Sequence[Task]:
        """All tasks of a split."""
        if split not in self.splits():
            raise ConfigError(unknown("split", split, self.splits()))
        options = self.options
        if options.tasks == "official":
            return [
                Task(id=t.id, split=t.split, goal=t.goal, task_type=t.task_type)
                for t in self._official(split)
            ]
        size = options.split_sizes.get(split, DEFAULT_SIZES[split])
        return LazyTasks(size, partial(self._embedded_task, split))

    def _embedded_task(self, split: str, index: int) -> Task:
        options = self.options
        made = make_task(options.seed, split, index, options.task_types)
        kinds = "" if options.task_types == TASK_TYPES else f"{'+'.join(options.task_types)}/"
        key = f"embedded/{options.seed}/{kinds}{split}/{index}"
        return Task(
            id=key, split=split, goal=made.query, task_type=made.task_type, data={"index": index}
        )

    def _read_official(self, split: str) -> list[Task]:
        tasks = bash_tasks(self.options.data_dir, split)
        for system in FILE_SYSTEM_SPLITS[split]:
            tree_source(system, self.options.data_dir)  # missing files end a run, not its episodes
        return tasks

    def _make_official_tree(self, name: str) -> Tree:
        return official_tree(name, self.options.data_dir, self.backend)

    def gold(self, task: Task) -> str:
        """The gold command of a task; for the evaluation and for privileged sources only."""
        if self.options.tasks == "official":
            _, system, index = task.id.split("/")
            return str(self._official(system)[int(index)].data["gold"])
        return self._embedded(task).gold

    def hidden(self, task: Task) -> str:
        """The path that a task leaves to be found out; "" where there is none (or who knows)."""
        if self.options.tasks == "official":
            return ""
        made = self._embedded(task)
        return made.hidden if made.hidden in made.gold and made.hidden not in made.query else ""

    def tree(self, task: Task) -> Tree:
        """The files of a task."""
        if self.options.tasks == "official":
            return self._official_tree(task.id.split("/")[1])
        return self._embedded(task).tree

    def _embedded(self, task: Task) -> EmbeddedTask:
        index = int(task.data.get("index", task.id.rpartition("/")[2]))
        return make_task(self.options.seed, task.split, index, self.options.task_types)

    # -- play ---------------------------------------------------------------------------------

    @cached_property
    def backend(self) -> Backend:
        """Where commands run.

        Raises:
            ConfigError: no sandbox works here.
        """
        options = self.options
        return choose(options.backend, options.rootfs, tmp=options.tmp, image=options.image)

    @cached_property
    def runner(self) -> GoldRunner:
        """Runs gold commands and remembers what they do."""
        return GoldRunner(self.backend, self.options.quoting)

    def open(self, task: Task, seed: int) -> Episode:
        """Open a task; there is no chance in it but the system's own."""
        return BashEpisode(task.goal, self.gold(task), self.tree(task), self.runner, self.options)

    def layout(self) -> Layout:
        """The task, then commands and outputs."""
        return BASH_LAYOUT

    # -- teaching -------------------------------------------------------------------------------

    def demonstration_kinds(self) -> Sequence[str]:
        """Look, try, refine, submit; the gold command at once; or without any privilege."""
        return ("expert", "gold", "explorer")

    def demonstrate(self, task: Task, kind: str) -> Trajectory:
        """One demonstration."""
        return demonstrate(self, self.gold(task), self.hidden(task), task, kind)

    def expert(self) -> ScriptedExpert:
        """The scripted privileged expert, for levels 1 to 5."""
        return BashExpert()

    def scripted_policies(self) -> Sequence[str]:
        """The explorer."""
        return ("explorer",)

    def scripted_policy(self, name: str) -> ScriptedPolicy | None:
        """The unprivileged explorer, or None."""
        return BashExplorer() if name == "explorer" else None

    def labelled_reasons(self) -> Path | None:
        """Reasons in generated worlds, told apart into leaks and honest ones."""
        return Path(__file__).parent / "audit" / "intercode-bash.jsonl"

    def fingerprint(self) -> Mapping[str, Any]:
        """Backend with its versions, tasks, quoting, and a hash of the official files."""
        options = self.options
        facts: dict[str, Any] = {
            "environment": "intercode-bash",
            "version": __version__,
            "tasks": options.tasks,
            "quoting": options.quoting,
            "scoring": options.scoring,
            "tmp": options.tmp,
            **self.backend.facts(),
        }
        if options.tasks == "official":
            names = [f"nl2bash_{system}.json" for system in FILE_SYSTEMS]
            facts["data"] = {n: digest(find_file(options.data_dir, [n])) for n in names}
        else:
            facts |= {"seed": options.seed, "task_types": list(options.task_types)}
        return facts
