"""Put single reasons back where they were given: replay the actions, ask what was hidden there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leap_core.analysis.sentences import Sentence
from leap_core.config.schema import ComponentConfig
from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.correction.history import History, history_of
from leap_core.errors import ConfigError, DataError, LeapError
from leap_core.plugins.build import build, factory_of
from leap_core.plugins.manager import load_plugins
from leap_core.plugins.registry import Kind
from leap_core.stages.components import build_environment
from leap_core.types import PrivilegedState, Step, Task, Trajectory


@dataclass(frozen=True)
class Situation:
    """The student's history at one step, and what was hidden from it."""

    trajectory: Trajectory
    history: History
    state: PrivilegedState


@dataclass
class ReplayStage:
    """One environment with its privileged sources, where sentences are put back in place."""

    environment: Environment
    sources: Sequence[PrivilegedSource]
    _tasks: dict[str, Mapping[str, Task]] = field(default_factory=dict)
    _found: dict[str, Situation] = field(default_factory=dict)

    def situation(self, sentence: Sentence) -> Situation:
        """Replay the actions before a sentence's step; say what was seen and what was hidden.

        Raises:
            LeapError: no such split or task, an episode that ends before, or no privileged state.
        """
        key = sentence.place
        if key not in self._found:
            self._found[key] = self._replay(sentence)
        return self._found[key]

    def _replay(self, sentence: Sentence) -> Situation:
        task = self._task(sentence.split, sentence.task)
        actions = sentence.actions[: sentence.step]
        trajectory = _played(self.environment, task, sentence.seed, actions)
        states, problems = [], []
        for source in self.sources:
            try:
                states.append(source.states(trajectory)[sentence.step])
            except LeapError as error:
                problems.append(str(error))
        if not states:
            raise DataError(f"task '{task.id}' has no privileged state: {'; '.join(problems)}")
        secrets = tuple(dict.fromkeys(secret for state in states for secret in state.secrets))
        text = "\n".join(state.text for state in states)
        state = PrivilegedState(text=text, secrets=secrets)
        return Situation(trajectory, history_of(trajectory, sentence.step), state)

    def _task(self, split: str, name: str) -> Task:
        if split not in self._tasks:
            self._tasks[split] = {task.id: task for task in self.environment.tasks(split)}
        task = self._tasks[split].get(name)
        if task is None:
            raise DataError(f"split '{split}' has no task '{name}'")
        return task


def _played(environment: Environment, task: Task, seed: int, actions: Sequence[str]) -> Trajectory:
    """Play some actions; the last step of the trajectory is the one that comes next."""
    episode = environment.open(task, seed)
    steps: list[Step] = []
    try:
        observation = episode.reset()
        for number, action in enumerate(actions):
            transition = episode.step(action)
            steps.append(Step(observation=observation, reason="", action=action))
            observation = transition.observation
            if transition.terminated or transition.truncated:
                raise DataError(
                    f"task '{task.id}' is over after {number + 1} of {len(actions)} actions"
                )
    finally:
        episode.close()
    following = next(iter((*observation.candidates, *observation.templates)), "-")
    steps.append(Step(observation=observation, reason="", action=following))
    return Trajectory(task=task, steps=tuple(steps), seed=seed)


def stage_of(sentence: Sentence) -> ReplayStage:
    """Build the environment of a sentence, with every privileged source that names it.

    Raises:
        ConfigError: no such environment or option, or nothing says what is hidden in it.
    """
    choice = ComponentConfig(name=sentence.environment, options=sentence.options)
    environment = build_environment(choice)
    names = load_plugins().registry.names("privileged source")
    kind: Kind = "privileged source"
    serving = [n for n in names if choice.name in factory_of("privileged source", n).environments]
    if not serving:
        raise ConfigError(f"no privileged source says what is hidden in '{choice.name}'")
    sources = [build(kind, ComponentConfig(name=n), "privileged", environment) for n in serving]
    return ReplayStage(environment, sources)
