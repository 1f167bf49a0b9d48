"""The contract of an environment: tasks in splits, episodes, and what it can teach."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, overload

from leap_core.errors import ConfigError, EnvironmentFailure, PluginError, unknown
from leap_core.runs.ledger import Ledger
from leap_core.types import (
    Observation,
    PrivilegedState,
    Proposal,
    Step,
    Task,
    Trajectory,
    Transition,
)


class Episode(ABC):
    """One task being played. Opened by `Environment.open`; used by one rollout at a time."""

    @abstractmethod
    def reset(self) -> Observation:
        """Start over and return the first observation."""

    @abstractmethod
    def step(self, action: str) -> Transition:
        """Take any text as an action.

        An action that cannot be executed is answered as the environment answers nonsense; it never
        raises for what a model writes. `success` is set when `terminated` is true.

        Raises:
            leap_core.errors.EnvironmentFailure: the episode cannot go on (or is over).
        """

    def close(self) -> None:
        """Free what the episode holds; may be called twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a student's prompt is written: three jinja2 templates.

    The trunk is `opening`, then one `turn` per step taken. A turn is rendered from that turn
    alone, so nothing already written can change later. The branch is what only the present step
    needs; the reply follows it.

    Variables: `opening` gets `goal`, `observation`, `horizon`, `task_type`; `turn` gets `action`,
    `observation` (what the action led to); `branch` gets `candidates`, `templates`.
    """

    opening: str
    turn: str
    branch: str


class ScriptedPolicy(Protocol):
    """A policy written as a program: sees what a student sees, no more."""

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        """Return (reason, action) at `observation`, after `history`."""


class ScriptedExpert(Protocol):
    """A privileged expert written as a program: what the `oracle` teacher asks."""

    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> Sequence[Proposal]:
        """Propose for every step that it would change.

        `states[t]` is the privileged state before step t; `level` is the privilege level 1..5
        (paper section 4.5: 1 uses none, 3 uses it without revealing it, 5 says everything).
        """


class LazyTasks(Sequence[Task]):
    """The tasks of a split, each made when it is asked for; `make` gets its index, from 0 on."""

    def __init__(self, size: int, make: Callable[[int], Task]) -> None:
        self._indices, self._make = range(size), make

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> list[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | list[Task]:
        if isinstance(index, slice):
            return [self._make(i) for i in self._indices[index]]
        return self._make(self._indices[index])


class EnvironmentContext:
    """Resources that a run passes to its environment.

    Attributes:
        cache_dir: folder for paid answers, shared by all runs beside each other.
        seed: seed of the run.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        cache_dir: Path = Path(".cache"),
        seed: int = 0,
        here: bool = True,
    ) -> None:
        self._ledger = ledger or (Ledger() if here else None)
        self.cache_dir = cache_dir
        self.seed = seed

    @property
    def ledger(self) -> Ledger:
        """Where every model call of the environment is recorded; holds the run's budget.

        Raises:
            leap_core.errors.EnvironmentFailure: the episode is played in another process, where
                no budget could be held exactly.
        """
        if self._ledger is None:
            raise EnvironmentFailure(
                "an environment that asks a model can only be played in the run's own process: "
                "set rollouts.executor to local"
            )
        return self._ledger

    def __reduce__(self) -> tuple[Any, ...]:
        return EnvironmentContext, (None, self.cache_dir, self.seed, False)


class Environment(ABC):
    """A text environment. Built as `E(options, context)`; cheap to pickle or rebuild.

    Class attributes:
        Options: pydantic model of the options in the config; unknown keys are refused.
        horizon: the most steps an episode may take, unless the run says otherwise.
        task_types: the groups that `Task.task_type` uses.
        guidance: what a teacher should know about acting well here, in a few sentences.
    """

    Options: ClassVar[type[Any]]
    horizon: ClassVar[int]
    task_types: ClassVar[Sequence[str]] = ()
    guidance: ClassVar[str] = ""

    def __init__(self, options: Any, context: EnvironmentContext | None = None) -> None:
        self.options = options
        self.context = context or EnvironmentContext()

    @abstractmethod
    def splits(self) -> Sequence[str]:
        """Names of the splits that `tasks` knows."""

    @abstractmethod
    def tasks(self, split: str) -> Sequence[Task]:
        """All tasks of a split: same ids, order and size every time.

        Raises:
            leap_core.errors.ConfigError: unknown split (naming those there are).
            leap_core.errors.DataError: the data is missing or unusable.
        """

    @abstractmethod
    def open(self, task: Task, seed: int) -> Episode:
        """Open a task; the same task and seed give the same episode."""

    @abstractmethod
    def layout(self) -> Layout:
        """The prompt layout that students use here unless the config overrides it."""

    def demonstrations(self, tasks: Sequence[Task], kind: str) -> Iterator[Trajectory]:
        """Yield `demonstrate(task, kind)` for each task, in order.

        Raises:
            leap_core.errors.ConfigError: `kind` is none of `demonstration_kinds`.
        """
        if kind not in self.demonstration_kinds():
            raise ConfigError(unknown("kind of demonstration", kind, self.demonstration_kinds()))
        return (self.demonstrate(task, kind) for task in tasks)

    def demonstrate(self, task: Task, kind: str) -> Trajectory:
        """Return a demonstration of a task, of a kind that `demonstration_kinds` names.

        Those of the default kind succeed. Others may fail as people do, and say so. Played most
        simply with `leap_core.play`.
        """
        raise PluginError(
            f"{type(self).__module__}.{type(self).__qualname__} offers demonstrations but does not "
            "implement `demonstrate`"
        )

    def demonstration_kinds(self) -> Sequence[str]:
        """Kinds of demonstrations on offer, the default first; empty if there are none."""
        return ()

    def teacher_prompts(self) -> Mapping[str, str]:
        """Return this environment's own wording of teachers' prompts, by template file name."""
        return {}

    def expert(self) -> ScriptedExpert | None:
        """Return the scripted privileged expert, where the environment has one."""
        return None

    def scripted_policy(self, name: str) -> ScriptedPolicy | None:
        """An unprivileged scripted policy by name, or None if there is no such."""
        return None

    def scripted_policies(self) -> Sequence[str]:
        """Names that `scripted_policy` knows."""
        return ()

    def pretrained_student(self) -> Path | None:
        """Folder of a small pre-trained student that the plugin ships (model `tiny-base`)."""
        return None

    def labelled_reasons(self) -> Path | None:
        """JSON Lines of labelled reasons on which the leak audit is measured here, if any."""
        return None

    def fingerprint(self) -> Mapping[str, Any]:
        """What identifies the data and engine: versions, wording, hashes. Recorded with scores."""
        return {}
