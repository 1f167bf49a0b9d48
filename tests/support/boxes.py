"""A toy world for the tests of correction: a key lies in one of some numbered boxes.

The student must open boxes until it finds the key. The privileged state says where it is; the
scripted expert opens that box (level 3: without saying so; level 5: saying so).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from leap_core import (
    Environment,
    Episode,
    Layout,
    Observation,
    PrivilegedSource,
    PrivilegedState,
    Proposal,
    Step,
    Task,
    Trajectory,
    Transition,
)


class Options(BaseModel):
    boxes: int = 5


def observe(boxes: int, text: str) -> Observation:
    candidates = tuple(f"open box {n}" for n in range(1, boxes + 1))
    return Observation(text=text, candidates=candidates, templates=("shout <words>",))


class BoxEpisode(Episode):
    def __init__(self, boxes: int, key: int) -> None:
        self.boxes, self.key = boxes, key

    def reset(self) -> Observation:
        return observe(self.boxes, f"There are {self.boxes} boxes.")

    def step(self, action: str) -> Transition:
        if action == f"open box {self.key}":
            found = Observation(text="The key is here.")
            return Transition(observation=found, reward=1.0, terminated=True, success=True)
        return Transition(observation=observe(self.boxes, "Nothing happens."))


class BoxExpert:
    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> Sequence[Proposal]:
        proposals = []
        for t, (step, state) in enumerate(zip(trajectory.steps, states, strict=True)):
            key = state.facts["key"]
            if step.action == f"open box {key}":
                continue
            reason = "Opening a box that was not tried yet may help."
            if level == 5:
                reason = f"The brass key lies in box {key}, as I know."
            proposals.append(Proposal(step=t, reason=reason, action=f"open box {key}"))
        return proposals


class BoxEnvironment(Environment):
    Options = Options
    horizon = 5
    guidance = "Never open a box twice."

    def __init__(self, options: Options) -> None:
        self.options = options

    def splits(self) -> Sequence[str]:
        return ("train",)

    def tasks(self, split: str) -> Sequence[Task]:
        boxes = self.options.boxes
        return [
            Task(id=f"box-{n}", split=split, goal="find the key", data={"key": n % boxes + 1})
            for n in range(20)
        ]

    def open(self, task: Task, seed: int) -> Episode:
        return BoxEpisode(self.options.boxes, task.data["key"])

    def layout(self) -> Layout:
        return Layout(
            opening="{{ goal }}\n{{ observation }}\n",
            turn="> {{ action }}\n{{ observation }}\n",
            branch="",
        )

    def expert(self) -> BoxExpert:
        return BoxExpert()


class BoxSource(PrivilegedSource):
    Options = Options

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        key = trajectory.task.data["key"]
        state = PrivilegedState(
            text=f"The key is in box {key}.",
            secrets=(f"the brass key lies in box {key}",),
            facts={"key": key},
        )
        return [state] * len(trajectory.steps)


def environment() -> BoxEnvironment:
    return BoxEnvironment(Options())


def failed(task: Task, boxes: int = 5, length: int = 4, seed: int = 0) -> Trajectory:
    """A student that opens one wrong box for ever."""
    wrong = task.data["key"] % boxes + 1
    texts = [f"There are {boxes} boxes."] + ["Nothing happens."] * (length - 1)
    steps = tuple(
        Step(
            observation=observe(boxes, text),
            reason="The key is in this box.",
            action=f"open box {wrong}",
        )
        for text in texts
    )
    return Trajectory(task=task, steps=steps, final="Nothing happens.", seed=seed)


def failures(count: int, length: int = 4) -> list[Trajectory]:
    env = environment()
    tasks = env.tasks("train")
    return [failed(tasks[n % len(tasks)], length=length, seed=n) for n in range(count)]
