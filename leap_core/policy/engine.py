"""What turns pending prompts into replies: the contract of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from leap_core.types import Observation, Prompt, Step, Task


@dataclass(frozen=True, slots=True)
class Request:
    """One student turn that waits for a reply.

    Attributes:
        episode: key of the episode; an engine may keep a cache for it between turns.
        seed: sampling depends on this and the prompt alone, never on the batch.
        task, history, observation: the same turn unrendered, for scripted policies.
    """

    episode: str
    prompt: Prompt
    seed: int
    task: Task
    history: tuple[Step, ...]
    observation: Observation


class Engine(ABC):
    """Turns requests into reply texts."""

    @abstractmethod
    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        """Answer each request, in order.

        Raises:
            leap_core.errors.PolicyError: the model cannot answer at all.
        """

    def forget(self, episode: str) -> None:
        """The episode is over; free what is cached for it."""

    def close(self) -> None:
        """Free the model."""
