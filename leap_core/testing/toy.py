"""A toy environment, whole enough to run Algorithm 1 on: a coin hidden in one of several boxes.

It has everything an environment plugin can have (splits, demonstrations, a privileged source, a
scripted expert and policies), in one short file, for tests and as an example to read.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from leap_core.config.schema import Section
from leap_core.contracts.environment import Environment, Episode, Layout
from leap_core.contracts.play import play
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.errors import ConfigError, EnvironmentFailure, unknown
from leap_core.types import (
    Observation,
    PrivilegedState,
    Proposal,
    Step,
    Task,
    Trajectory,
    Transition,
)

SIZES = {"train": 200, "valid": 40, "test": 40}


class ToyOptions(Section):
    """Options of the toy environment.

    `failing`, `crashing` and `hanging` name tasks whose first step raises, kills its process, or
    never ends; `mishaps` is a folder to note such an end in, so that a task comes to it only once.
    Every step takes `step_seconds`.
    """

    boxes: int = Field(5, gt=1)
    failing: tuple[str, ...] = ()
    crashing: tuple[str, ...] = ()
    hanging: tuple[str, ...] = ()
    mishaps: Path | None = None
    step_seconds: float = Field(0.0, ge=0)


class ToyEpisode(Episode):
    """Open boxes until the coin shows, then take it."""

    def __init__(self, options: ToyOptions, task: Task) -> None:
        self.options, self.task = options, task
        self.boxes, self.coin = options.boxes, int(task.data["coin"])
        self.reset()

    def reset(self) -> Observation:
        self.opened: set[int] = set()
        self.over = False
        return self._observe(f"There are boxes 1 to {self.boxes}.")

    def step(self, action: str) -> Transition:
        if self.over:
            raise EnvironmentFailure("the episode is over")
        self._go_wrong()
        if self.options.step_seconds:
            time.sleep(self.options.step_seconds)
        if action == "take coin" and self.coin in self.opened:
            self.over = True
            done = self._observe("You take the coin.")
            return Transition(observation=done, reward=1.0, terminated=True, success=True)
        for box in range(1, self.boxes + 1):
            if action == f"open box {box}" and box not in self.opened:
                self.opened.add(box)
                inside = "a coin" if box == self.coin else "nothing"
                return Transition(observation=self._observe(f"In box {box} you see {inside}."))
        return Transition(observation=self._observe("Nothing happens."))

    def _go_wrong(self) -> None:
        """Fail, crash or hang, where the options say so."""
        name, options = self.task.id, self.options
        if name not in (*options.failing, *options.crashing, *options.hanging):
            return
        if options.mishaps is not None:
            note = options.mishaps / name.replace("/", "-")
            if note.exists():
                return
            note.touch()
        if name in options.hanging:
            time.sleep(1e6)
        if name in options.crashing:
            os.kill(os.getpid(), signal.SIGKILL)
        raise EnvironmentFailure("the toy broke")

    def _observe(self, text: str) -> Observation:
        closed = [b for b in range(1, self.boxes + 1) if b not in self.opened]
        take = ["take coin"] if self.coin in self.opened else []
        return Observation(text=text, candidates=tuple([f"open box {b}" for b in closed] + take))


class ToyEnvironment(Environment):
    """Coins in boxes."""

    Options = ToyOptions
    horizon: ClassVar[int] = 8
    task_types: ClassVar[Sequence[str]] = ("low", "high")
    guidance: ClassVar[str] = "Open every box once until the coin shows, then take it."

    def splits(self) -> Sequence[str]:
        return list(SIZES)

    def tasks(self, split: str) -> Sequence[Task]:
        if split not in SIZES:
            raise ConfigError(unknown("split", split, SIZES))
        return [self._task(split, i) for i in range(SIZES[split])]

    def _task(self, split: str, index: int) -> Task:
        coin = random.Random(f"{split}/{index}").randint(1, self.options.boxes)
        kind = "low" if coin <= self.options.boxes // 2 else "high"
        return Task(
            id=f"{split}/{index:04d}",
            split=split,
            goal="take the coin",
            task_type=kind,
            data={"coin": coin},
        )

    def open(self, task: Task, seed: int) -> ToyEpisode:
        return ToyEpisode(self.options, task)

    def layout(self) -> Layout:
        return Layout(
            opening="Task: {{ goal }}.\n{{ observation }}\n",
            turn="> {{ action }}\n{{ observation }}\n",
            branch="You can: {{ candidates | join(', ') }}.\n",
        )

    def demonstration_kinds(self) -> Sequence[str]:
        return ("straight", "search")

    def demonstrate(self, task: Task, kind: str) -> Trajectory:
        return play(self, task, _Straight() if kind == "straight" else _Search())

    def expert(self) -> ToyExpert:
        return ToyExpert()

    def scripted_policies(self) -> Sequence[str]:
        return ("search", "first-box")

    def scripted_policy(self, name: str) -> _Search | _FirstBox | None:
        if name == "search":
            return _Search()
        return _FirstBox() if name == "first-box" else None

    def fingerprint(self) -> dict[str, object]:
        return {"engine": "toy", "boxes": self.options.boxes}


class _Search:
    """Opens boxes in order, then takes the coin."""

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        if "take coin" in observation.candidates:
            return "The coin is in sight.", "take coin"
        return "I have not looked there yet.", observation.candidates[0]


class _FirstBox:
    """Opens the first box again and again: fails unless the coin is there."""

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        if "take coin" in observation.candidates:
            return "The coin is in sight.", "take coin"
        return "It must be in box 1.", "open box 1"


class _Straight:
    """Goes straight to the coin (sees the task's data: for demonstrations only)."""

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        if "take coin" in observation.candidates:
            return "The coin is in sight.", "take coin"
        return "The coin is in this box.", f"open box {task.data['coin']}"


class ToyExpert:
    """Levels 1 to 4 search on; level 5 opens the box with the coin and says so."""

    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> list[Proposal]:
        proposals = []
        for t, step in enumerate(trajectory.steps):
            reason, action = _Search().act(trajectory.task, trajectory.steps[:t], step.observation)
            if level == 5 and action != "take coin":
                action = f"open box {states[t].facts['coin']}"
                reason = states[t].text
            proposals.append(Proposal(step=t, reason=reason, action=action))
        return proposals


class ToySource(PrivilegedSource):
    """Says in which box the coin is."""

    class Options(Section):
        """Options: `canary` is planted in the state's text and secrets, for tests."""

        canary: str = ""

    environments: ClassVar[Sequence[str]] = ("toy",)

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        coin = trajectory.task.data["coin"]
        secret = f"coin is in box {coin}"
        text = f"The {secret}. {self.options.canary}".strip()
        secrets = tuple(s for s in (secret, self.options.canary) if s)
        return [PrivilegedState(text=text, secrets=secrets, facts={"coin": coin})] * len(
            trajectory.steps
        )
