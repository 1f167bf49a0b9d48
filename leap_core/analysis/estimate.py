"""What `leap estimate` does: failed trajectories of a sample, the teacher's word on each, a sum."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leap_core.config.schema import RunConfig
from leap_core.contracts.environment import Environment
from leap_core.contracts.play import play
from leap_core.contracts.teacher import Brief, Teacher, TeacherContext
from leap_core.errors import ConfigError, LeapError
from leap_core.runs.ledger import Ledger
from leap_core.stages.components import Components, build_components, build_teacher
from leap_core.stages.students import resolve_students
from leap_core.types import Observation, PolicyRef, Step, Task, Trajectory, Usage


@dataclass(frozen=True)
class Estimate:
    """What a run's teacher would use; `cost` is None where the price is unknown."""

    teacher: str
    level: int
    iterations: int
    tasks: int
    failing: float
    trajectories: int
    sampled: int
    calls: int
    prompt_tokens: int
    answer_tokens: int
    cost: float | None
    budget: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-like form."""
        return asdict(self)


@dataclass(frozen=True)
class Total:
    """What the teachers of a run in several environments would use together."""

    trajectories: int
    calls: int
    prompt_tokens: int
    answer_tokens: int
    cost: float | None
    budget: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-like form."""
        return asdict(self)


def total(parts: Sequence[Estimate]) -> Total:
    """The sum; its cost is None where one is unknown. The budget is the run's, one for all."""
    costs = [part.cost for part in parts]
    return Total(
        sum(part.trajectories for part in parts),
        sum(part.calls for part in parts),
        sum(part.prompt_tokens for part in parts),
        sum(part.answer_tokens for part in parts),
        None if None in costs else sum(cost for cost in costs if cost is not None),
        parts[0].budget,
    )


def estimates(runs: Mapping[str, RunConfig], sample: int, failing: float) -> dict[str, Estimate]:
    """Write the teacher's prompts for a sample of each environment's tasks and scale up.

    Raises:
        ConfigError: a configuration cannot be run, or has no teacher.
    """
    parts = {label: build_components(config) for label, config in runs.items()}
    shared = next(iter(runs.values())).student
    places = [part.environment for part in parts.values()]
    student = resolve_students(shared.model, shared.adapter, places)
    return {
        label: _estimate(config, parts[label], student, sample, failing)
        for label, config in runs.items()
    }


def _estimate(
    config: RunConfig,
    components: Components,
    student: PolicyRef | None,
    sample: int,
    failing: float,
) -> Estimate:
    if config.teacher is None or components.source is None:
        raise ConfigError("there is no teacher in this configuration, so nothing to estimate")
    tasks = list(components.environment.tasks(config.splits.train))
    rolled_out = min(config.rollouts.tasks or len(tasks), len(tasks))
    draw = random.Random(config.seed)
    with tempfile.TemporaryDirectory(prefix="leap-estimate-") as folder:
        lent = TeacherContext(
            environment=components.environment,
            ledger=Ledger(),
            cache_dir=Path(folder),
            student=student,
        )
        teacher = build_teacher(config, lent)
        usages = list(
            _usages(config, components, teacher, draw.sample(tasks, min(sample, len(tasks))))
        )
    if not usages:
        raise ConfigError("no privileged state could be had for any of the sampled tasks")
    trajectories = round(config.iterations * rolled_out * failing)
    total = Usage()
    for usage in usages:
        total += usage
    scale = trajectories / len(usages)
    return Estimate(
        config.teacher.name,
        config.teacher.level,
        config.iterations,
        rolled_out,
        failing,
        trajectories,
        len(usages),
        round(total.calls * scale),
        round(total.prompt_tokens * scale),
        round(total.completion_tokens * scale),
        None if total.cost is None else total.cost * scale,
        config.budget.dollars,
    )


def _usages(
    config: RunConfig, components: Components, teacher: Teacher, tasks: Sequence[Task]
) -> Iterator[Usage]:
    assert config.teacher is not None and components.source is not None
    brief = Brief(level=config.teacher.level, rules=components.environment.guidance)
    for number, task in enumerate(tasks):
        trajectory = _wander(components.environment, task, components.horizon, config.seed + number)
        try:
            states = components.source.states(trajectory)
        except LeapError:
            continue
        yield teacher.estimate(trajectory, states, brief)


def _wander(environment: Environment, task: Task, horizon: int, seed: int) -> Trajectory:
    """A trajectory of random actions, as long as the horizon: what a failed one looks like."""
    draw = random.Random(seed)

    def choose(steps: Sequence[Step], observation: Observation) -> tuple[str, str]:
        return "I am not sure what to do; I will try this.", _some_action(observation, task, draw)

    return play(environment, task, choose, seed=seed, limit=horizon)


def _some_action(observation: Observation, task: Task, draw: random.Random) -> str:
    choices = [*observation.candidates, *observation.templates]
    words = task.goal.split() or ["help"]
    if not choices:
        return draw.choice(words)
    return re.sub(r"<[^<>]+>", lambda _: draw.choice(words), draw.choice(choices))
