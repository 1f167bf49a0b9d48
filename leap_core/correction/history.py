"""The student's history at one step, as the leak audit searches it: what it holds is no secret."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from leap_core.correction.text import normalise
from leap_core.types import Trajectory


@dataclass(frozen=True)
class History:
    """The parts of a history: the goal apart, then what was seen and done.

    Attributes:
        goal: what the task says.
        seen: one text for each action with the observation that it led to; the lines of the first
            observation and of the current candidates stand alone.
    """

    goal: str
    seen: tuple[str, ...]

    @classmethod
    def of_text(cls, text: str) -> History:
        """Read a text as a history: each of its sentences is one thing seen."""
        return cls("", tuple(part for line in text.split("\n") for part in line.split(". ")))

    @cached_property
    def text(self) -> str:
        """All of it."""
        return "\n".join([self.goal, *self.seen])

    @cached_property
    def _units(self) -> list[str]:
        return [f" {normalise(unit)} " for unit in self.seen]

    @cached_property
    def _all(self) -> str:
        return f" {normalise(self.text)} "

    @cached_property
    def _observed(self) -> frozenset[str]:
        words = (word.strip("[](),;:'\"") for unit in self.seen for word in unit.split())
        return frozenset(words)

    def holds(self, names: Iterable[str]) -> bool:
        """Whether one of some normalised names stands anywhere, the goal included."""
        return any(f" {name} " in self._all for name in names)

    def aims_at(self, names: Iterable[str]) -> bool:
        """Whether the goal itself speaks of one of some normalised names."""
        goal = f" {normalise(self.goal)} "
        return any(f" {name} " in goal for name in names)

    def shows(self, names: Iterable[str]) -> bool:
        """Whether one of some normalised names was seen, in the observations or own actions."""
        return any(f" {name} " in unit for name in names for unit in self._units)

    def together(self, some: Sequence[str], others: Sequence[str]) -> bool:
        """Whether a name of each kind was seen at once."""
        return any(
            any(f" {name} " in unit for name in some)
            and any(f" {name} " in unit for name in others)
            for unit in self._units
        )

    def observed(self, number: str) -> bool:
        """Whether a number stands alone somewhere in what was seen."""
        return number in self._observed

    def lists(self, number: str) -> bool:
        """Whether some reply has that many lines, so that they can be counted."""
        replies = (unit.split("\n")[1:] for unit in self.seen if "\n" in unit)
        return any(str(sum(map(bool, lines))) == number for lines in replies)


def history_of(trajectory: Trajectory, step: int) -> History:
    """Return all that the student could know at `step`: h_t = goal, o_1, a_1, …, o_t, candidates.

    The student's own reasons are left out: they are not part of h_t, and what it imagined there
    is not knowledge.
    """
    goal = trajectory.task.goal
    first = trajectory.steps[0].observation.text
    first = first.replace(goal, "") if goal else first
    seen = [line for text in first.split("\n") for line in text.split(". ")]
    for past, now in zip(trajectory.steps[:step], trajectory.steps[1 : step + 1], strict=True):
        seen.append(f"{past.action}\n{now.observation.text}")
    now_seen = trajectory.steps[step].observation
    seen += [*now_seen.candidates, *now_seen.templates]
    return History(goal, tuple(seen))


def history_text(trajectory: Trajectory, step: int) -> str:
    """Return the same as one text, a part a line."""
    parts = [trajectory.task.goal]
    for past in trajectory.steps[:step]:
        parts += [past.observation.text, past.action]
    now = trajectory.steps[step].observation
    parts += [now.text, *now.candidates, *now.templates]
    return "\n".join(parts)
