"""The policy `litellm:MODEL`: any model by API plays the environment, prompted like a student."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from pydantic import model_validator

from leap_core import (
    AsyncEngine,
    BudgetExceeded,
    ConfigError,
    PolicyContext,
    PolicyError,
    Refusal,
    Request,
    TeacherError,
)
from leap_teachers.client import Client
from leap_teachers.failures import RefusedRequest
from leap_teachers.model_io import Message, ModelRequest
from leap_teachers.options import ClientOptions

_DECODING = {"temperature", "top_p", "max_tokens"}


class PolicyOptions(ClientOptions):
    """How the model is reached. The model comes from the policy's name, decoding from the run."""

    model: str = ""

    @model_validator(mode="before")
    @classmethod
    def _one_place_for_each(cls, data: Any) -> Any:
        if isinstance(data, dict):
            if "model" in data:
                raise ConfigError("name the model as litellm:MODEL, not in the policy's options")
            if taken := sorted(_DECODING & set(data)):
                raise ConfigError(
                    f"{', '.join(taken)}: a policy decodes as student.generation says"
                )
        return data


class LitellmPolicy(AsyncEngine):
    """Asks the model for every step. Each answer is kept: playing again costs nothing.

    Raises:
        ConfigError: the API key is missing, or there is a budget in money and no known price.
    """

    Options = PolicyOptions

    def __init__(self, options: PolicyOptions, model: str, context: PolicyContext) -> None:
        chosen = options.model_copy(update={"model": model})
        self._client = Client(chosen, context.ledger, context.cache_dir)
        self._generation = context.generation
        super().__init__()

    async def answer(self, request: Request) -> str | Refusal:
        """Ask for one step.

        Raises:
            BudgetExceeded: the next call might pass the budget.
            PolicyError: the provider does not answer.
        """
        try:
            answer = await self._client.ask(self._question(request))
        except BudgetExceeded:
            raise
        except RefusedRequest as error:
            return Refusal(str(error))
        except TeacherError as error:
            raise PolicyError(f"{error}; run the same command again to go on") from error
        self.tokens += answer.usage.completion_tokens
        return answer.text

    def _question(self, request: Request) -> ModelRequest:
        chosen = self._generation
        return ModelRequest(
            purpose="policy",
            messages=(Message("user", request.prompt.text),),
            max_tokens=chosen.max_new_tokens,
            temperature=chosen.temperature,
            top_p=chosen.top_p,
            sample=_sample(request) if chosen.temperature else 0,
        )

    async def aclose(self) -> None:
        """Close the cache."""
        await self._client.aclose()


def _sample(request: Request) -> int:
    """A draw of its own for every step of every episode."""
    text = f"{request.seed}\0{request.episode}\0{len(request.history)}"
    return int.from_bytes(sha256(text.encode()).digest()[:6], "little")
