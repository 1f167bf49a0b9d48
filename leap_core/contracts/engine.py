"""What turns pending prompts into replies: the contract of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leap_core.config.schema import GenerationConfig
from leap_core.errors import LeapError
from leap_core.run.ledger import Ledger
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why this one request cannot be answered; its episode is recorded as errored."""

    why: str


Deliver = Callable[[int, "str | Refusal | LeapError"], None]
"""Takes (place in the batch, reply) from any thread; an error ends the whole."""


class Engine(ABC):
    """Turns requests into reply texts.

    Attributes:
        tokens: tokens written so far, where the engine counts them; shown as progress.
    """

    tokens: int = 0

    @abstractmethod
    def reply(self, requests: Sequence[Request]) -> Sequence[str]:
        """Answer each request, in order.

        Raises:
            leap_core.errors.PolicyError: the model cannot answer at all.
        """

    def send(self, requests: Sequence[Request], deliver: Deliver) -> None:
        """Have each request answered; `deliver` takes each reply as soon as it is there.

        An engine that computes in this thread answers all before this returns; one that waits for
        others returns at once.
        """
        for place, text in enumerate(self.reply(requests)):
            deliver(place, text)

    def forget(self, episode: str) -> None:
        """The episode is over; free what is cached for it."""

    def close(self) -> None:
        """Free the model."""


@dataclass(frozen=True)
class PolicyContext:
    """What LEAP lends to an engine that a plugin brings.

    Attributes:
        generation: how to decode.
        ledger: where every model call is recorded; holds the budget.
        cache_dir: folder for paid answers, shared by all runs beside each other.
    """

    generation: GenerationConfig
    ledger: Ledger = field(default_factory=Ledger)
    cache_dir: Path = Path(".cache")
