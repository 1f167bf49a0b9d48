"""The one place that imports litellm: late, quiet, and without a look at the network."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Any

_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a price list at import
    "LITELLM_MODE": "PRODUCTION",  # else it loads a .env file of the working folder
    "LITELLM_LOG": "ERROR",
}


@cache
def load_litellm() -> Any:
    """Import and return litellm. Takes some seconds the first time."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import litellm

    litellm.suppress_debug_info = True
    litellm.drop_params = True  # models that know no top_p do without
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its errors quote request headers
    return litellm
