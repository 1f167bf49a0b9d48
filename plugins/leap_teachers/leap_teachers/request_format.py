"""A request as it goes to litellm, and the key under which its answer is kept."""

from __future__ import annotations

from typing import Any

from leap_teachers.model_io import ModelRequest, digest
from leap_teachers.options import ClientOptions


def request_key(options: ClientOptions, request: ModelRequest, hold_to_schema: bool) -> str:
    """Hash of all that the answer depends on; the API key is no part of it."""
    return digest(
        {
            "model": options.model,
            "api_base": options.api_base,
            "messages": request.wire(),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "schema": request.schema if hold_to_schema else None,
            "parameters": {**options.parameters, **request.more},
            "sample": request.sample,
        }
    )


def call_arguments(
    options: ClientOptions, request: ModelRequest, hold_to_schema: bool, api_key: str | None
) -> dict[str, Any]:
    """What `litellm.acompletion` is called with; its own retries are off."""
    more: dict[str, Any] = dict(options.parameters)
    if request.more:
        more["extra_body"] = {**more.get("extra_body", {}), **request.more}
    if request.schema is not None and hold_to_schema:
        more["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": request.schema},
        }
    return {
        "model": options.model,
        "api_base": options.api_base,
        "api_key": api_key,
        "messages": request.wire(),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "timeout": options.timeout,
        "num_retries": 0,
        "max_retries": 0,
        **more,
    }
