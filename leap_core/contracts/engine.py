"""What turns pending prompts into replies: the contract of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from leap_core.config.schema import GenerationConfig, NoOptions
from leap_core.errors import ConfigError, LeapError
from leap_core.runs.ledger import Ledger
from leap_core.types import Example, Observation, PolicyRef, Prompt, Step, Task


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
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


class Engine(ABC):
    """Turns requests into reply texts.

    A plugin's engine serves policies named `NAME:MODEL` and is built as `E(options, MODEL,
    context)`, with `options` from `student.options`.

    Attributes:
        Options: pydantic model of the options.
        generation_keys: keys of `generation` that it honours; others are refused when they are
            set, and only these are printed with scores.
        tokens: tokens written so far, where the engine counts them; shown as progress.
    """

    Options: ClassVar[type[Any]] = NoOptions
    generation_keys: ClassVar[tuple[str, ...]] = ("temperature", "top_p", "max_new_tokens")
    tokens: int = 0

    @classmethod
    def open(cls, options: Any, policy: PolicyRef, context: PolicyContext) -> Engine:
        """Return an engine for `policy`."""
        factory: Any = cls
        engine: Engine = factory(options, policy.model.partition(":")[2], context)
        return engine

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

    @classmethod
    def check_policy(cls, policy: PolicyRef) -> None:
        """Check what can be checked of a policy without loading it.

        Raises:
            leap_core.errors.PolicyError: its adapter was trained over another model.
        """

    @classmethod
    def export(cls, policy: PolicyRef, out: Path, merge: bool = True) -> Path:
        """Write the policy to the folder `out` in the ecosystem's own format.

        With `merge`, adapters are merged into the model; else the adapter alone is written.

        Raises:
            leap_core.errors.ConfigError: this engine has no weights to write.
        """
        raise ConfigError(f"a policy of kind '{policy.kind}' has no weights to export")

    @classmethod
    def log_likelihoods(cls, policy: PolicyRef, examples: Sequence[Example]) -> list[float]:
        """Return each example's mean log-likelihood under `policy`, in nats a token of the reply.

        Raises:
            leap_core.errors.ConfigError: this engine has none.
        """
        raise ConfigError(
            f"log-likelihoods need a model in this process; this student is of kind '{policy.kind}'"
        )

    @classmethod
    def create_student(
        cls, out: Path, texts: Sequence[str], options: Mapping[str, Any], seed: int
    ) -> PolicyRef:
        """Make a new untrained student in the folder `out`; `texts` train its tokenizer.

        Raises:
            leap_core.errors.ConfigError: this engine makes none, or an option is unknown.
        """
        raise ConfigError(f"{cls.__name__} makes no students")

    def forget(self, episode: str) -> None:
        """The episode is over; free what is cached for it."""

    def close(self) -> None:
        """Free the model."""
