"""What `leap estimate` does: failed trajectories of a sample, the teacher's word on each, a sum."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leap_core.config import RunConfig
from leap_core.environment import Environment
from leap_core.errors import ConfigError, LeapError
from leap_core.parts import Parts, build_parts, build_teacher, resolve_student
from leap_core.run.ledger import Ledger
from leap_core.teacher import Brief, Teacher, TeacherContext
from leap_core.types import Observation, Step, Task, Trajectory, Usage


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

    @property
    def cost_each(self) -> float | None:
        """Dollars a trajectory."""
        return None if self.cost is None else self.cost / max(1, self.trajectories)

    def as_dict(self) -> dict[str, Any]:
        """JSON-like form."""
        return asdict(self)


def estimate(config: RunConfig, sample: int, failing: float) -> Estimate:
    """Write the teacher's prompts for a sample and scale up.

    Raises:
        ConfigError: the configuration cannot be run, or has no teacher.
    """
    parts = build_parts(config)
    if config.teacher is None or parts.source is None:
        raise ConfigError("there is no teacher in this configuration, so nothing to estimate")
    tasks = list(parts.environment.tasks(config.splits.train))
    rolled_out = min(config.rollouts.tasks or len(tasks), len(tasks))
    draw = random.Random(config.seed)
    with tempfile.TemporaryDirectory(prefix="leap-estimate-") as folder:
        teacher = _teacher(config, parts.environment, Path(folder))
        usages = list(_usages(config, parts, teacher, draw.sample(tasks, min(sample, len(tasks)))))
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


def _teacher(config: RunConfig, environment: Environment, folder: Path) -> Teacher:
    student = resolve_student(config.student.model, config.student.adapter, environment)
    return build_teacher(config, TeacherContext(environment, Ledger(), folder, student))


def _usages(
    config: RunConfig, parts: Parts, teacher: Teacher, tasks: Sequence[Task]
) -> Iterator[Usage]:
    assert config.teacher is not None and parts.source is not None
    brief = Brief(config.teacher.level, parts.environment.guidance)
    for number, task in enumerate(tasks):
        trajectory = _wander(parts.environment, task, parts.horizon, config.seed + number)
        try:
            states = parts.source.states(trajectory)
        except LeapError:
            continue
        yield teacher.estimate(trajectory, states, brief)


def _wander(environment: Environment, task: Task, horizon: int, seed: int) -> Trajectory:
    """A trajectory of random actions, as long as the horizon: what a failed one looks like."""
    draw = random.Random(seed)
    episode = environment.open(task, seed)
    try:
        observation = episode.reset()
        steps: list[Step] = []
        while len(steps) < horizon:
            action = _some_action(observation, task, draw)
            steps.append(Step(observation, "I am not sure what to do; I will try this.", action))
            transition = episode.step(action)
            observation = transition.observation
            if transition.terminated or transition.truncated:
                break
    finally:
        episode.close()
    return Trajectory(task, tuple(steps), observation.text, seed=seed)


def _some_action(observation: Observation, task: Task, draw: random.Random) -> str:
    choices = [*observation.candidates, *observation.templates]
    words = task.goal.split() or ["help"]
    if not choices:
        return draw.choice(words)
    return re.sub(r"<[^<>]+>", lambda _: draw.choice(words), draw.choice(choices))
