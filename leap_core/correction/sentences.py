"""Single reasons for the leak audit, from JSON Lines: where each was said, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.correction.history import History, history_of
from leap_core.correction.leaks import find_leaks
from leap_core.errors import DataError, LeapError
from leap_core.types import Fact, Step, Task, Trajectory

LEAKS_FROM = 0.5
"""Score from which a reason leaks."""


class Sentence(BaseModel):
    """One line: a reason, and where it was given. Further keys are kept as they are.

    `label` is 1 for a leak and 0 for an honest reason, where that is known.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    environment: str
    options: dict[str, Any] = Field(default_factory=dict)
    split: str
    task: str
    seed: int = 0
    actions: tuple[str, ...] = ()
    step: int = Field(ge=0)
    reason: str
    label: int | None = Field(None, ge=0, le=1)

    @property
    def place(self) -> str:
        """All that says where it was given, as one key."""
        where = (self.environment, self.options, self.split, self.task, self.seed)
        return json.dumps([*where, self.actions[: self.step]], sort_keys=True)


@dataclass(frozen=True)
class Situation:
    """The student's history at one step, and what was hidden from it."""

    trajectory: Trajectory
    history: History
    secrets: tuple[str | Fact, ...]
    state: str


@dataclass(frozen=True)
class Verdict:
    """A sentence with its leak score and what gave it away."""

    sentence: Sentence
    leak: float
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Return the line with `leak` and `why` added."""
        return {**self.sentence.model_dump(exclude_none=True), "leak": self.leak, "why": self.why}


@dataclass(frozen=True)
class Accuracy:
    """How often the audit is right about labelled sentences.

    `found` of `leaks` leaks were found, `flagged` of `honest` honest reasons were taken for leaks.
    """

    leaks: int = 0
    found: int = 0
    honest: int = 0
    flagged: int = 0

    @property
    def recall(self) -> float | None:
        """Share of the leaks that were found; None without leaks."""
        return self.found / self.leaks if self.leaks else None

    @property
    def precision(self) -> float | None:
        """Share of leaks among what was flagged; None where nothing was."""
        told = self.found + self.flagged
        return self.found / told if told else None

    @property
    def false_alarms(self) -> float | None:
        """Share of the honest reasons that were flagged; None without any."""
        return self.flagged / self.honest if self.honest else None


def read_sentences(lines: Iterable[str], where: str) -> list[Sentence]:
    """Read JSON Lines; blank lines are passed over.

    Raises:
        DataError: a line that cannot be read, by its number.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            sentence = Sentence.model_validate(json.loads(line))
        except (ValidationError, ValueError, RecursionError) as error:
            raise DataError(f"'{where}', line {number}: {_problem(error)}") from None
        if sentence.step > len(sentence.actions):
            raise DataError(
                f"'{where}', line {number}: step {sentence.step} comes after "
                f"{len(sentence.actions)} actions; give the actions before it"
            )
        found.append(sentence)
    return found


def judge_by_rules(sentence: Sentence, situation: Situation) -> Verdict:
    """Score one reason by the rules."""
    leaks = find_leaks(sentence.reason, situation.secrets, situation.history)
    if not leaks:
        return Verdict(sentence, 0.0, "")
    worst = leaks[0]
    words = f" in {worst.words!r}" if worst.words else ""
    return Verdict(sentence, worst.score, f"{worst.how}: {worst.secret}{words}")


def accuracy(verdicts: Iterable[Verdict]) -> Accuracy:
    """Compare verdicts with labels; sentences without a label are left out."""
    counts = {(label, flagged): 0 for label in (0, 1) for flagged in (False, True)}
    for verdict in verdicts:
        if verdict.sentence.label is not None:
            counts[verdict.sentence.label, verdict.leak >= LEAKS_FROM] += 1
    return Accuracy(
        leaks=counts[1, True] + counts[1, False],
        found=counts[1, True],
        honest=counts[0, True] + counts[0, False],
        flagged=counts[0, True],
    )


@dataclass
class Stage:
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
        return Situation(trajectory, history_of(trajectory, sentence.step), secrets, text)

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


def verdicts(
    sentences: Iterable[Sentence], stages: Mapping[str, Stage]
) -> Iterator[tuple[Verdict, Situation]]:
    """Score sentences by the rules; `stages` are by the key that `stage_key` gives."""
    for sentence in sentences:
        situation = stages[stage_key(sentence)].situation(sentence)
        yield judge_by_rules(sentence, situation), situation


def stage_key(sentence: Sentence) -> str:
    """Return what sentences of the same environment with the same options share."""
    return json.dumps([sentence.environment, sentence.options], sort_keys=True)


def _problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the line"
        return f"key '{key}': {first['msg'].lower()}"
    return f"is no JSON object ({error})"
