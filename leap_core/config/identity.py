"""The part of a configuration that a resumed run must share with its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from leap_core.config.schema import RunConfig, ServerConfig

ResumableOptions = Callable[[str, str], frozenset[str]]
"""Takes the kind and name of a component; returns its options that a resumed run may change."""

_COMPONENTS = {
    "environment": "environment",
    "privileged": "privileged source",
    "teacher": "teacher",
    "updater": "updater",
    "first_updater": "updater",
}


def none_resumable(kind: str, name: str) -> frozenset[str]:
    """Return no options: every one must stay as it is."""
    return frozenset()


def run_identity(
    config: RunConfig, resumable_options: ResumableOptions = none_resumable
) -> dict[str, Any]:
    """Return all of a configuration that its records depend on: not its budget, nor its speed.

    `resumable_options` says which options of a component may change; they are left out.
    """
    speed = {"retries", "executor"}
    if config.rollouts.batches == "rolling":
        speed.add("in_flight")
    free: Any = {
        "budget": True,
        "teacher": {"concurrency"},
        "rollouts": speed,
        "server": set(ServerConfig.model_fields) - {"command"},
    }
    data: dict[str, Any] = config.model_dump(mode="json", exclude=free)
    for key, kind in _COMPONENTS.items():
        if data[key] is not None:
            data[key] = _fixed_part(data[key], kind, resumable_options)
    return data


def _fixed_part(
    component: Mapping[str, Any], kind: str, resumable_options: ResumableOptions
) -> dict[str, Any]:
    """Return a component's choice without its resumable options; those of a sequence too."""
    free = resumable_options(kind, component["name"])
    options = {key: value for key, value in component["options"].items() if key not in free}
    inner = options.get("updaters") if component["name"] == "sequence" else None
    if isinstance(inner, list):
        options["updaters"] = [
            _fixed_part({"options": {}, **one}, kind, resumable_options) for one in inner
        ]
    return {**component, "options": options}
