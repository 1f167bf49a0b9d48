"""Options of every teacher that asks a model by API."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from leap_core import ConfigError, Section, resumable

_NO_KEYS_HERE = (
    "API keys do not belong in a configuration (it is saved with the run); put the key in an "
    "environment variable and give that variable's name as 'api_key_env'"
)


class Prices(Section):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class ClientOptions(Section):
    """How a model is reached, and how hard it is tried.

    Attributes:
        model: a litellm model string, such as "gpt-4o" or "hosted_vllm/NAME".
        api_base: address of an OpenAI-compatible server ("http://host:8000/v1"). No API key from
            the environment is sent to it unless `api_key_env` names one.
        api_key_env: environment variable that holds the key; by default the provider's own.
        max_tokens: the longest answer, in tokens.
        timeout: seconds that one attempt may take.
        attempts: how often a request is tried before it is given up.
        longest_wait: seconds; the longest pause between attempts, and the longest Retry-After
            that is honoured.
        concurrency: requests under way at once.
        prices: states the prices where litellm does not know them, or knows them wrong.
        structured: hold the model to a JSON schema: "on", "off", or "auto" where litellm knows
            that the model can be.
        context_tokens: the model's context window; by default what litellm knows, or 32,768.
        parameters: further parameters of the provider, such as {"reasoning_effort": "low"}.
    """

    model: str = Field(min_length=1)
    api_base: str | None = None
    api_key_env: str | None = None
    temperature: float = Field(0.3, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(4096, gt=0)
    timeout: float = resumable(120.0, gt=0)
    attempts: int = resumable(6, gt=0)
    longest_wait: float = resumable(60.0, ge=0)
    concurrency: int = resumable(64, gt=0)
    requests_per_minute: int | None = resumable(None, gt=0)
    tokens_per_minute: int | None = resumable(None, gt=0)
    prices: Prices | None = None
    structured: Literal["auto", "on", "off"] = "auto"
    context_tokens: int | None = Field(None, gt=0)
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _no_keys(cls, data: Any) -> Any:
        """Refuse a key written in the configuration, without repeating it."""
        if isinstance(data, dict):
            parameters = data.get("parameters")
            for place in (data, parameters if isinstance(parameters, dict) else {}):
                if {"api_key", "key", "token", "authorization", "extra_headers"} & {
                    str(name).lower() for name in place
                }:
                    raise ConfigError(_NO_KEYS_HERE)
            base = data.get("api_base")
            if isinstance(base, str) and "@" in urlsplit(base).netloc:
                raise ConfigError(f"'api_base' holds a password: {_NO_KEYS_HERE}")
        return data
