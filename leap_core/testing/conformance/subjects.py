"""What is checked: one registered part with its options, and what checking it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.contracts.teacher import Teacher, TeacherContext
from leap_core.contracts.updater import Updater
from leap_core.errors import ConfigError
from leap_core.plugins.registry import Kind, build_options
from leap_core.policy.prompt import PromptRenderer
from leap_core.runs.ledger import Ledger
from leap_core.testing.conformance.check import NotApplicable
from leap_core.testing.conformance.fresh_process import FreshProcess
from leap_core.testing.conformance.play import (
    Choose,
    PlayedEpisode,
    at_random,
    by_list,
    by_policy,
    play,
)
from leap_core.types import PolicyRef, PrivilegedState, Task, Trajectory

TASKS = 4
"""How many tasks are played unless the caller says otherwise."""
_LOOKED_AT = 200


@dataclass
class Part:
    """A factory as plugins register it, and the options to build it with."""

    name: str
    factory: Any
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, *more: Any) -> Any:
        """Build it as a run would.

        Raises:
            ConfigError: the options do not fit.
        """
        return self.factory(self._validated(), *more)

    def accepts_options(self) -> None:
        """Check that these options suffice, where the part says at all what it takes.

        Raises:
            ConfigError: they do not.
        """
        if hasattr(self.factory, "Options"):
            self._validated()

    def _validated(self) -> Any:
        return build_options(self.factory, self.options, f"options of '{self.name}'")


@dataclass
class EnvironmentSubject:
    """An environment to check, and some of its tasks to play."""

    part: Part
    count: int = TASKS
    kind: Kind = "environment"
    elsewhere: FreshProcess | None = None

    @property
    def name(self) -> str:
        return self.part.name

    def build(self) -> Environment:
        """A new environment."""
        built: Environment = self.part.build()
        return built

    @cached_property
    def environment(self) -> Environment:
        return self.build()

    @cached_property
    def tasks(self) -> list[Task]:
        """Tasks of the first split: one of each type first, then whatever comes."""
        tasks = self.environment.tasks(self.environment.splits()[0])
        looked_at = [tasks[i] for i in range(min(len(tasks), _LOOKED_AT))]
        of_type: dict[str, Task] = {}
        for task in looked_at:
            of_type.setdefault(task.task_type, task)
        chosen = {task.id: task for task in [*of_type.values(), *looked_at]}
        return list(chosen.values())[: self.count]

    @cached_property
    def demonstrations(self) -> list[Trajectory]:
        """A demonstration of the first kind for each task; none where none are offered."""
        kinds = self.environment.demonstration_kinds()
        return list(self.environment.demonstrations(self.tasks, kinds[0])) if kinds else []

    @cached_property
    def writer(self) -> PromptRenderer:
        return PromptRenderer(self.environment.layout(), self.environment.horizon)

    def actions(self, task: Task) -> list[str]:
        """A sensible course: the demonstration's, a scripted policy's, or one at random."""
        for shown in self.demonstrations:
            if shown.task.id == task.id:
                return [step.action for step in shown.steps]
        return [step.action for step in play(self.environment, task, self._guide(task)).steps]

    def _guide(self, task: Task) -> Choose:
        for name in self.environment.scripted_policies():
            policy = self.environment.scripted_policy(name)
            if policy is not None:
                return by_policy(policy, task)
        return at_random(0)

    def replay(self, task: Task, actions: Sequence[str], seed: int = 0) -> PlayedEpisode:
        """Play these actions in a new episode."""
        return play(self.environment, task, by_list(actions), seed)

    def failures(self) -> list[Trajectory]:
        """Failed trajectories: nonsense, then at random; cut short where chance succeeds."""
        found = []
        for number, task in enumerate(self.tasks):
            walked = play(self.environment, task, _wandering(number))
            while walked.trajectory(task).succeeded:
                walked.steps.pop()
                walked.transitions.pop()
            if walked.steps:
                found.append(walked.trajectory(task))
        return found


def _wandering(seed: int) -> Choose:
    wander = at_random(seed)
    return lambda steps, seen: wander(steps, seen) if steps else "xyzzy"


@dataclass
class SourceSubject:
    """A privileged source to check, with an environment that it serves."""

    part: Part
    of: EnvironmentSubject
    kind: Kind = "privileged source"

    @property
    def name(self) -> str:
        return self.part.name

    @cached_property
    def source(self) -> PrivilegedSource:
        built: PrivilegedSource = self.part.build(self.of.environment)
        return built

    @cached_property
    def trajectories(self) -> list[Trajectory]:
        """Demonstrations and failures of the environment's tasks."""
        return [*self.of.demonstrations, *self.of.failures()]

    @cached_property
    def states(self) -> list[Sequence[PrivilegedState]]:
        """The states of each of `trajectories`."""
        return [self.source.states(trajectory) for trajectory in self.trajectories]


@dataclass
class TeacherSubject:
    """A teacher to check, on failures of an environment."""

    part: Part
    source: SourceSubject
    student: PolicyRef | None = None
    kind: Kind = "teacher"

    @property
    def name(self) -> str:
        return self.part.name

    @cached_property
    def _scratch(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="leap-check-")

    @property
    def folder(self) -> Path:
        """A folder that lasts as long as this subject."""
        return Path(self._scratch.name)

    def build(self, ledger: Ledger | None = None) -> Teacher:
        """A new teacher; those of one subject share a cache of answers."""
        environment, cache = self.source.of.environment, self.folder / "cache"
        context = TeacherContext(
            environment=environment,
            ledger=ledger or Ledger(),
            cache_dir=cache,
            student=self.student,
        )
        built: Teacher = self.part.build(context)
        return built

    @cached_property
    def cases(self) -> list[tuple[Trajectory, Sequence[PrivilegedState]]]:
        """Failed trajectories with their privileged states."""
        failures = self.source.of.failures()
        if not failures:
            raise NotApplicable("no play of the environment's tasks failed")
        return [(t, self.source.source.states(t)) for t in failures]


@dataclass
class UpdaterSubject:
    """An updater to check, on a very small student."""

    part: Part
    kind: Kind = "updater"
    bench: object = None
    update: object = None

    @property
    def name(self) -> str:
        return self.part.name

    def build(self) -> Updater:
        """A new updater."""
        built: Updater = self.part.build()
        return built

    @cached_property
    def _scratch(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="leap-check-")

    @property
    def folder(self) -> Path:
        """A folder that lasts as long as this subject."""
        return Path(self._scratch.name)


Subject = EnvironmentSubject | SourceSubject | TeacherSubject | UpdaterSubject


def part_of(kind: Kind, name: str, options: Mapping[str, Any] | None = None) -> Part:
    """The registered part of that name; the toy environment and its source are always there.

    Raises:
        ConfigError: there is no such part.
        PluginError: it cannot be imported.
    """
    from leap_core.plugins.manager import load_plugins
    from leap_core.testing.toy import ToyEnvironment, ToySource

    registry = load_plugins().registry
    toys: dict[tuple[Kind, str], Any] = {
        ("environment", "toy"): ToyEnvironment,
        ("privileged source", "toy-coin"): ToySource,
    }
    known = name in registry.names(kind)
    factory = toys[kind, name] if not known and (kind, name) in toys else None
    return Part(name, factory or registry.get(kind, name).load(), options or {})


def source_for(environment: str) -> str:
    """The first registered privileged source that serves an environment.

    Raises:
        ConfigError: there is none.
    """
    from leap_core.plugins.manager import load_plugins

    if environment == "toy":
        return "toy-coin"
    for entry in load_plugins().registry.entries("privileged source"):
        if environment in entry.load().environments:
            return entry.name
    raise ConfigError(
        f"no installed privileged source serves environment '{environment}'; "
        "name one with --set privileged.name=NAME"
    )
