"""From names to what is checked: the parts that a plugin registers, with what they need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import Field

from leap_core.config.schema import Section
from leap_core.errors import ConfigError, PluginError, unknown
from leap_core.plugins.registry import Entry, Kind
from leap_core.testing.conformance.subjects import (
    TASKS,
    EnvironmentSubject,
    SourceSubject,
    Subject,
    TeacherSubject,
    UpdaterSubject,
    part_of,
    source_for,
)
from leap_core.types import PolicyRef

CHECKED: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "command")


class Partial(Section):
    """A part's options, and its name where it is not the one that is checked."""

    name: str | None = None
    options: dict[str, object] = Field(default_factory=dict)


class Student(Section):
    """The policy that a teacher is lent: a model's folder or hub id."""

    model: str | None = None
    adapter: str | None = None


class Choice(Section):
    """What parts are checked with, in the words of a run's configuration.

    Attributes:
        environment: of a privileged source, by default the first that it serves; of a teacher,
            by default the toy environment.
        privileged: the source that a teacher's privileged states come from.
        student: the policy that a teacher is lent, for those that ask it.
        tasks: how many tasks are played.
    """

    environment: Partial = Partial()
    privileged: Partial = Partial()
    teacher: Partial = Partial()
    updater: Partial = Partial()
    student: Student = Student()
    tasks: int = Field(TASKS, gt=0)


def subject_of(kind: Kind, name: str, choice: Choice | None = None) -> Subject:
    """The registered part of that kind and name, ready to be checked.

    Raises:
        ConfigError: there is no such part, or no environment to check it with.
        PluginError: it cannot be imported.
    """
    chosen = choice or Choice()
    if kind == "environment":
        return EnvironmentSubject(part_of(kind, name, chosen.environment.options), chosen.tasks)
    if kind == "privileged source":
        return _source(name, chosen)
    if kind == "teacher":
        environment = chosen.environment.name or "toy"
        source = _source(chosen.privileged.name or source_for(environment), chosen, environment)
        student, part = chosen.student, part_of(kind, name, chosen.teacher.options)
        lent = (
            PolicyRef(kind="transformers", model=student.model, adapter=student.adapter)
            if student.model
            else None
        )
        return TeacherSubject(part, source, lent)
    if kind == "updater":
        return UpdaterSubject(part_of(kind, name, chosen.updater.options))
    raise ConfigError(unknown("kind", kind, CHECKED))


def _source(name: str, choice: Choice, environment: str | None = None) -> SourceSubject:
    part = part_of("privileged source", name, choice.privileged.options)
    serves = tuple(getattr(part.factory, "environments", ()))
    chosen = environment or choice.environment.name or (serves[0] if serves else "toy")
    of = EnvironmentSubject(
        part_of("environment", chosen, choice.environment.options), choice.tasks
    )
    return SourceSubject(part, of)


def subjects_named(name: str, kind: Kind | None = None) -> Iterator[tuple[Kind, str]]:
    """Kinds and names of what `name` means: all that a plugin or package registers, or parts.

    Raises:
        ConfigError: no plugin and no part has this name.
        PluginError: the plugin of this name is broken.
    """
    from leap_core.plugins.manager import load_plugins

    plugins = load_plugins()
    entries = [e for e in plugins.registry.entries() if e.kind in CHECKED]
    named = [i for i in plugins.infos if name in (i.name, i.package)]
    of_plugins = [e for e in entries if e.plugin in {i.name for i in named}]
    found = of_plugins or [e for e in entries if e.name == name]
    found = [e for e in found if kind in (None, e.kind)]
    if not found:
        _say_why(name, [i for i in named if i.reason], entries)
    for entry in sorted(found, key=lambda e: (CHECKED.index(e.kind), e.name)):
        yield entry.kind, entry.name


def _say_why(name: str, broken: list, entries: list[Entry]) -> None:  # type: ignore[type-arg]
    if broken:
        raise PluginError(f"plugin '{name}' is left out: {broken[0].reason}")
    known = {e.plugin for e in entries} | {e.name for e in entries}
    raise ConfigError(unknown("plugin or part", name, known))
