"""Checks of an environment as a whole: its options, splits and tasks, and copies of it."""

from __future__ import annotations

import json
from itertools import pairwise

from pydantic import BaseModel, TypeAdapter

from leap_core.contracts.environment import Environment
from leap_core.errors import ConfigError
from leap_core.plugins.registry import build_options
from leap_core.testing.conformance.check import NotApplicable, check, expect
from leap_core.testing.conformance.fresh_process import FreshProcess, play_in_fresh_process
from leap_core.testing.conformance.play import listing, sample
from leap_core.testing.conformance.subjects import EnvironmentSubject, Subject
from leap_core.types import Task

_NO_OPTION = "no_such_option_anywhere"


def check_options(subject: Subject) -> None:
    """Check that a part's options are a pydantic model that refuses unknown keys."""
    factory = subject.part.factory
    model = getattr(factory, "Options", None)
    expect(
        isinstance(model, type) and issubclass(model, BaseModel),
        "a class attribute `Options` that is a pydantic model",
        model,
    )
    try:
        build_options(factory, {**subject.part.options, _NO_OPTION: 1}, "options")
    except ConfigError as error:
        expect(_NO_OPTION in str(error), "an error that names the unknown option", str(error))
    else:
        expect(False, "an unknown option to be refused", "it was ignored (use leap_core.Section)")


@check("environment", "environment-options")
def options(subject: EnvironmentSubject) -> None:
    """Options are a pydantic model; unknown keys are refused."""
    check_options(subject)
    environment = subject.environment
    expect(isinstance(environment, Environment), "a leap_core.Environment", environment)
    horizon = getattr(environment, "horizon", None)
    whole = isinstance(horizon, int) and not isinstance(horizon, bool)
    expect(whole and horizon > 0, "`horizon` to be a positive number", horizon)  # type: ignore[operator]


@check("environment", "splits")
def splits(subject: EnvironmentSubject) -> None:
    """There are splits, each with tasks; an unknown one is an error that names those there are."""
    environment = subject.environment
    names = list(environment.splits())
    expect(names, "at least one split", names)
    expect(len(names) == len(set(names)), "every split once", names)
    for name in names:
        expect(len(environment.tasks(name)), f"tasks in split '{name}'", "none")
    try:
        environment.tasks("no-such-split")
    except ConfigError as error:
        expect(names[0] in str(error), f"an error that names the splits {names}", str(error))
    else:
        expect(False, "a ConfigError for split 'no-such-split'", "none was raised")


@check("environment", "tasks")
def tasks(subject: EnvironmentSubject) -> None:
    """Ids name one task each, of the split and of a task type that the environment declares."""
    environment = subject.environment
    known: dict[str, str] = {}
    for split in environment.splits():
        here: set[str] = set()
        for task in sample(environment, split):
            expect(isinstance(task, Task), "a leap_core.Task", task)
            expect(task.id and task.id not in here, "ids that are unique in a split", task.id)
            expect(
                known.setdefault(task.id, task.goal) == task.goal,
                f"id '{task.id}' to name the same task in every split",
                f"the goals {known[task.id]!r} and {task.goal!r}",
            )
            expect(task.split == split, f"`Task.split` to be '{split}'", task.split)
            if environment.task_types:
                fits = task.task_type in environment.task_types
                expect(fits, f"a task type of {list(environment.task_types)}", task.task_type)
            here.add(task.id)
    _round_trip(subject.tasks)


def _round_trip(tasks: list[Task]) -> None:
    adapter = TypeAdapter(list[Task])
    again = adapter.validate_json(adapter.dump_json(tasks))
    same = json.dumps([_plain(t) for t in again]) == json.dumps([_plain(t) for t in tasks])
    expect(same, "tasks that are the same when written as JSON and read again", again[0])


def _plain(task: Task) -> object:
    return json.loads(TypeAdapter(Task).dump_json(task))


@check("environment", "stable-tasks")
def stable_tasks(subject: EnvironmentSubject) -> None:
    """The same options give the same ids, order and sizes: again, anew, and in another process."""
    mine = listing(subject.environment)
    for where, other in (
        ("asked again", listing(subject.environment)),
        ("built anew", listing(subject.build())),
        ("in another process", elsewhere(subject).listing),
    ):
        for split, (size, ids) in mine.items():
            other_size, other_ids = other.get(split, (0, []))
            expect(
                size == other_size,
                f"split '{split}' to have {size} tasks when {where}",
                f"{other_size} tasks",
            )
            different = [pair for pair in zip(ids, other_ids, strict=True) if pair[0] != pair[1]]
            expect(
                not different,
                f"the same tasks in the same order in split '{split}' when {where}",
                f"{len(different)} others, such as {different[:1]} (a hash or a set decides?)",
            )


@check("environment", "fingerprint")
def fingerprint(subject: EnvironmentSubject) -> None:
    """The fingerprint can be written as JSON and is the same every time."""
    try:
        mine = json.dumps(dict(subject.environment.fingerprint()), sort_keys=True)
    except TypeError as error:
        expect(False, "a fingerprint that can be written as JSON", str(error))
        return
    anew = json.dumps(dict(subject.build().fingerprint()), sort_keys=True)
    expect(mine == anew, f"the fingerprint {mine} of an environment built anew", anew)


@check("environment", "other-process")
def other_process(subject: EnvironmentSubject) -> None:
    """A pickled environment, unpickled in a fresh process, plays the same episodes."""
    there = elsewhere(subject)
    for task, actions, theirs in zip(subject.tasks, courses(subject), there.walks, strict=True):
        different = subject.replay(task, actions).difference(theirs)
        expect(
            different is None,
            f"task '{task.id}' to be played in another process as in this one",
            different or "",
        )


@check("environment", "leaves-nothing")
def leaves_nothing(subject: EnvironmentSubject) -> None:
    """Closed episodes leave no process, open file, mount or temporary file behind."""
    there = elsewhere(subject)
    if there.footprints is None:
        raise NotApplicable("processes, files and mounts can only be counted on Linux")
    for before, after in pairwise(there.footprints):
        for what, count in after.items():
            expect(
                count <= before[what],
                f"{before[what]} {what} after more episodes were played and closed, as before",
                f"{count} {what}",
            )
    expect(
        not there.left,
        "nothing left when the process that played has ended",
        ", ".join(there.left),
    )


def elsewhere(subject: EnvironmentSubject) -> FreshProcess:
    """What a fresh process makes of the environment (asked once)."""
    if subject.elsewhere is None:
        subject.elsewhere = play_in_fresh_process(
            subject.environment, subject.tasks, courses(subject)
        )
    return subject.elsewhere


def courses(subject: EnvironmentSubject) -> list[list[str]]:
    """What is played of each task: nonsense, a sensible course."""
    return [["xyzzy", *subject.actions(task)] for task in subject.tasks]
