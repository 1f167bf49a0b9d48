"""API keys: found in the environment, checked before a run, and kept out of every text."""

from __future__ import annotations

import os
import re

from leap_core import ConfigError
from leap_teachers.options import ClientOptions

_HIDDEN = "[hidden]"
_LOOKS_LIKE_A_KEY = re.compile(r"\b(?:sk-|pk-|gsk_|xai-|hf_|AIza)[-_A-Za-z0-9*]{8,}")
_BEARER = re.compile(r"(?i)\b(bearer\s+)\S+")
_SECRET_NAME = re.compile(r"(?i)(?:key|token|secret|password)s?$")
_SHORTEST = 8


def api_key(options: ClientOptions) -> str | None:
    """The key to send; None lets litellm find the provider's own.

    Raises:
        ConfigError: `api_key_env` names a variable that is not set.
    """
    if options.api_key_env is not None:
        key = os.environ.get(options.api_key_env)
        if not key:
            raise ConfigError(
                f"the environment variable '{options.api_key_env}' (api_key_env) is not set; "
                f"it should hold the API key for model '{options.model}'"
            )
        return key
    # A key of the environment is not sent to a server that it was not made for.
    return "none" if options.api_base is not None else None


def check_key(options: ClientOptions) -> None:
    """Check that the key which the model needs is there; nothing is sent.

    Raises:
        ConfigError: it is missing; says which variable should hold it.
    """
    if api_key(options) is not None:
        return
    from leap_teachers.litellm_setup import load_litellm

    for name in [name for name, value in os.environ.items() if not value.strip()]:
        if _SECRET_NAME.search(name):
            del os.environ[name]  # set to nothing is not set; litellm looks at the name alone
    found = load_litellm().validate_environment(options.model)
    missing = [name for name in found.get("missing_keys", ()) if not os.environ.get(name)]
    if missing and not found.get("keys_in_environment"):
        raise ConfigError(
            f"model '{options.model}' needs an API key: set the environment variable "
            f"{' or '.join(missing)} (or use another model, or 'api_base' for a server of your own)"
        )


def keys_at_hand() -> int:
    """A mark that changes when any key in the environment does."""
    return hash(frozenset(item for item in os.environ.items() if _SECRET_NAME.search(item[0])))


def redact(text: str, key: str | None = None) -> str:
    """Hide `key`, and whatever else is, or looks like, one."""
    secrets = [value for name, value in os.environ.items() if _SECRET_NAME.search(name)]
    for value in (key or "", *secrets):
        if len(value) >= _SHORTEST:
            text = text.replace(value, _HIDDEN)
    return _BEARER.sub(rf"\1{_HIDDEN}", _LOOKS_LIKE_A_KEY.sub(_HIDDEN, text))
