"""Where episodes run: the contract of an executor, and the one that runs them right here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from leap_core.contracts.environment import Environment, Episode
from leap_core.contracts.play import check_end
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.errors import BudgetExceeded, EnvironmentFailure, LeapError, PluginError, PolicyError
from leap_core.types import Observation, PrivilegedState, Task, Trajectory, Transition


@dataclass(frozen=True, slots=True)
class OpenEpisode:
    """Begin an episode under the number `slot`; its answer is the first observation."""

    slot: int
    task: Task
    seed: int


@dataclass(frozen=True, slots=True)
class StepEpisode:
    """Take one step; its answer is the transition."""

    slot: int
    action: str


@dataclass(frozen=True, slots=True)
class CloseEpisode:
    """The episode is over, or given up; it has no answer."""

    slot: int


@dataclass(frozen=True, slots=True)
class GetPrivilegedStates:
    """Find the privileged states of a trajectory; its answer is `PrivilegedStates`."""

    slot: int
    trajectory: Trajectory


Command: TypeAlias = "OpenEpisode | StepEpisode | CloseEpisode | GetPrivilegedStates"


@dataclass(frozen=True, slots=True)
class PrivilegedStates:
    """The privileged state before each step."""

    states: tuple[PrivilegedState, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an episode cannot go on.

    `blamed` is false where it only fell with the worker that held it.
    """

    why: str
    is_cause: bool = True


WorkerReply: TypeAlias = "Observation | Transition | PrivilegedStates | Failure"

Deliver = Callable[[int, "WorkerReply | LeapError"], None]
"""Takes (slot, answer) from any thread. A `LeapError` ends the whole, whatever its slot."""


class EpisodeHost:
    """Holds episodes of one environment and carries out commands on them.

    `source` finds privileged states, where those are asked for.
    """

    def __init__(self, environment: Environment, source: PrivilegedSource | None = None) -> None:
        self.environment = environment
        self.source = source
        self.episodes: dict[int, Episode] = {}

    def handle(self, command: Command) -> WorkerReply | None:
        """Carry out a command. What an environment raises is an answer, never the end of a run.

        Raises:
            PolicyError, BudgetExceeded, PluginError: no other episode would fare better.
        """
        try:
            if isinstance(command, OpenEpisode):
                episode = self.environment.open(command.task, command.seed)
                self.episodes[command.slot] = episode
                return episode.reset()
            if isinstance(command, StepEpisode):
                transition = self.episodes[command.slot].step(command.action)
                check_end(self.environment, transition)
                return transition
            if isinstance(command, GetPrivilegedStates):
                assert self.source is not None
                return PrivilegedStates(tuple(self.source.states(command.trajectory)))
            self._close(command.slot)
            return None
        except (PolicyError, BudgetExceeded, PluginError):
            raise
        except Exception as error:
            return Failure(error_text(error))

    def close(self) -> None:
        """Close every episode."""
        for slot in list(self.episodes):
            self._close(slot)

    def _close(self, slot: int) -> None:
        episode = self.episodes.pop(slot, None)
        try:
            if episode is not None:
                episode.close()
        except Exception:  # it is over all the same
            pass


def error_text(error: Exception) -> str:
    """What an error says; its type as well where it was not raised on purpose."""
    kind = "" if isinstance(error, EnvironmentFailure) else f"{type(error).__name__}: "
    return f"{kind}{error}"


class Executor(ABC):
    """Runs episodes somewhere. Answers come by `deliver`, in any order between episodes."""

    @abstractmethod
    def start(self, deliver: Deliver) -> None:
        """Called once, before anything else."""

    @abstractmethod
    def send(self, command: Command) -> None:
        """Have a command carried out; never waits for another episode."""

    @abstractmethod
    def close(self) -> None:
        """End all episodes and free everything; may be called twice."""


class LocalExecutor(Executor):
    """Runs episodes in this thread: for environments that answer in microseconds."""

    def __init__(self, environment: Environment, source: PrivilegedSource | None = None) -> None:
        self.host = EpisodeHost(environment, source)

    def start(self, deliver: Deliver) -> None:
        self.deliver = deliver

    def send(self, command: Command) -> None:
        answer = self.host.handle(command)
        if answer is not None:
            self.deliver(command.slot, answer)

    def close(self) -> None:
        self.host.close()
