"""The part of a configuration that a resumed run must share with its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leap_core.config.schema import RunConfig, ServerConfig

# Options of updaters that change memory and speed, never what is learned.
_HOW = {
    "token_budget",
    "micro_batch_size",
    "launch",
    "checkpoint_steps",
    "logging_steps",
    "report_to",
}


def run_identity(config: RunConfig) -> dict[str, Any]:
    """All of a configuration that its records depend on: not what it may spend, nor how fast."""
    speed = {"retries", "executor"}
    if config.rollouts.batches == "rolling":
        speed.add("in_flight")
    patience = set(ServerConfig.model_fields) - {"command"}
    free = {
        "budget": True, "teacher": {"concurrency"}, "rollouts": speed, "server": patience,
    }  # fmt: skip
    data: dict[str, Any] = config.model_dump(mode="json", exclude=free)  # type: ignore[arg-type]
    for part in ("updater", "first_updater"):
        if data[part] is not None:
            data[part] = _learned(data[part])
    return data


def _learned(updater: Mapping[str, Any]) -> dict[str, Any]:
    """An updater's choice without how it is to be computed; those of a sequence too."""
    options = {key: value for key, value in updater["options"].items() if key not in _HOW}
    inner = options.get("updaters")
    if isinstance(inner, list):
        options["updaters"] = [_learned({"options": {}, **one}) for one in inner]
    return {**updater, "options": options}
