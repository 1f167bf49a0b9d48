"""What the core gives every environment: lazy tasks, checked options, kinds of demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pytest
from pydantic import Field

from leap_core import (
    ConfigError,
    Environment,
    LazyTasks,
    Section,
    Task,
    Trajectory,
    sizes_by_split,
    subset_of,
)
from leap_core.config.load import validated
from leap_core.testing.toy import ToyEnvironment, ToyOptions


def test_lazy_tasks_are_a_sequence_whose_tasks_are_made_when_asked_for() -> None:
    made: list[int] = []

    def make(index: int) -> Task:
        made.append(index)
        return Task(id=f"t/{index}", split="train", goal="go")

    tasks, whole = (
        LazyTasks(5, make),
        [Task(id=f"t/{i}", split="train", goal="go") for i in range(5)],
    )
    assert len(tasks) == 5
    assert not made
    assert (tasks[0], tasks[-1], tasks[-5]) == (whole[0], whole[4], whole[0])
    assert made == [0, 4, 0]
    assert tasks[1:4] == whole[1:4]
    assert tasks[::-2] == whole[::-2]
    assert list(tasks) == whole
    assert list(reversed(tasks)) == whole[::-1]
    for index in (5, -6):
        with pytest.raises(IndexError):
            tasks[index]


class Options(Section):
    kinds: Annotated[tuple[str, ...], subset_of("task type", ("cook", "wash"))] = ("cook", "wash")
    sizes: Annotated[dict[str, int], sizes_by_split(("train", "test"))] = Field(
        default_factory=dict
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kinds": ["wahs"]}, r"unknown task type 'wahs'.*'wash'"),
        ({"kinds": []}, "name at least one task type"),
        ({"sizes": {"trian": 1}}, r"unknown split 'trian'.*'train'"),
        ({"sizes": {"train": 0}}, "split 'train' needs at least one task"),
    ],
)
def test_options_that_do_not_fit_are_said(given: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        validated(Options, given, "environment.options")


def test_options_that_fit_are_kept() -> None:
    options = validated(Options, {"kinds": ["wash"], "sizes": {"test": 3}}, "environment.options")
    assert (options.kinds, options.sizes) == (("wash",), {"test": 3})


def test_an_environment_that_demonstrates_one_task_demonstrates_many() -> None:
    class Kitchen(ToyEnvironment):
        demonstrations = Environment.demonstrations

        def demonstrate(self, task: Task, kind: str) -> Trajectory:
            return Trajectory(task=task, steps=(), final=kind, outcome="success", score=1.0)

    kitchen = Kitchen(ToyOptions())
    tasks: Sequence[Task] = kitchen.tasks("train")[:3]
    shown = list(kitchen.demonstrations(tasks, "straight"))
    assert [(t.task, t.final) for t in shown] == [(task, "straight") for task in tasks]
    with pytest.raises(ConfigError, match="did you mean 'straight'"):
        kitchen.demonstrations(tasks, "strait")
