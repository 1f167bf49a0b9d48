"""The contract of a teacher: from a failed trajectory to proposals for its steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from leap_core.contracts.environment import Environment
from leap_core.errors import TeacherError
from leap_core.runs.ledger import Ledger
from leap_core.types import PolicyRef, PrivilegedState, Proposal, Trajectory, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What the teacher is asked for.

    Attributes:
        level: privilege level 1..5 (paper section 4.5 and Fig. 5; 3 is the default expert).
        rules: how to act well in this environment, from `Environment.guidance`.
        steps: step indices to look at; None means all.
    """

    level: int = 3
    rules: str = ""
    steps: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherReply:
    """What a teacher answered for one trajectory.

    Attributes:
        proposals: at most one per step; steps left out are steps left alone.
        summary: the teacher's account of what went wrong.
        usage: tokens and cost of this answer.
        problems: what could not be used of the raw answer, in words (counted and shown).
        measures: figures of the teacher's own about this answer, such as a KL divergence.
    """

    proposals: tuple[Proposal, ...]
    summary: str = ""
    usage: Usage = field(default_factory=Usage)
    problems: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A judge's word on one reason.

    Attributes:
        leaks: whether it tells what is hidden; None where the answer says neither.
        why: what gave it away; without a verdict, the beginning of the answer.
        usage: tokens and cost of this answer.
    """

    leaks: bool | None
    why: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True)
class TeacherContext:
    """What a run lends to its teacher.

    Attributes:
        environment: the environment that the trajectories come from.
        ledger: where every model call is recorded; holds the budget.
        cache_dir: folder for paid answers, shared by all runs beside each other.
        student: the policy being corrected (the `self` teacher asks it).
        seed: seed of the run.
    """

    environment: Environment
    ledger: Ledger
    cache_dir: Path
    student: PolicyRef | None = None
    seed: int = 0


class Teacher(ABC):
    """Corrects trajectories. Built as `MyTeacher(options, context)`, used inside one event loop."""

    Options: ClassVar[type[Any]]

    def __init__(self, options: Any, context: TeacherContext) -> None:
        self.options = options
        self.context = context

    @abstractmethod
    async def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> TeacherReply:
        """Propose better reasons and actions, assuming that the student's own path was followed.

        `states[t]` is the privileged state before step t. Called concurrently for many
        trajectories.

        Raises:
            leap_core.errors.TeacherError: no answer could be had for this trajectory.
            leap_core.errors.BudgetExceeded: the budget does not allow the next call.
        """

    async def explain(self, trajectory: Trajectory, brief: Brief) -> TeacherReply:
        """Write reasons for the actions of a demonstration ("autolabel", paper Algorithm 1).

        The proposals repeat the actions; each reason uses nothing seen after its step.

        Raises:
            leap_core.errors.TeacherError: this teacher writes none, or has no answer.
        """
        raise TeacherError(f"{type(self).__name__} writes no reasons for demonstrations")

    async def describe(self, trajectory: Trajectory) -> PrivilegedState:
        """Sum up the log of a solved task as privileged state (paper section 3.1).

        Raises:
            leap_core.errors.TeacherError: this teacher sums up none, or has no answer.
        """
        raise TeacherError(f"{type(self).__name__} sums up no demonstrations")

    async def judge(
        self, history: str, state: PrivilegedState, reason: str, action: str
    ) -> Judgement:
        """Say whether a reason tells what `state` hides and `history` does not show.

        Raises:
            leap_core.errors.TeacherError: this teacher judges none, or has no answer.
            leap_core.errors.BudgetExceeded: the budget does not allow the question.
        """
        raise TeacherError(f"{type(self).__name__} judges no reasons")

    def estimate(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], brief: Brief
    ) -> Usage:
        """Say what `correct` would likely use for this trajectory; nothing is sent.

        The default is that of a teacher that asks no model.
        """
        return Usage()

    async def aclose(self) -> None:
        """Free connections and the like."""
