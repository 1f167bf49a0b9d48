"""One model on several environments at once (the paper's combined run): its configuration.

    environments:
      alfworld: {privileged: {name: alfworld-simulator}, rollouts: {tasks: 100}}
      shop: {name: webshop, options: {catalogue: small}, privileged: {name: webshop-goal}}

Every key of an environment is one of a run's, and stands before the run's own. What concerns the
student (model, updater, iterations, seed, budget) is the run's alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from leap_core.config.load import read_yaml, validated
from leap_core.config.schema import RunConfig
from leap_core.errors import ConfigError

SECTIONS = ("splits", "demonstrations", "rollouts", "privileged", "teacher", "evaluation")
KEYS = ("name", "options", "layout", *SECTIONS)


@dataclass(frozen=True)
class MultiEnvironmentConfig:
    """A run in several environments.

    Attributes:
        name: of the run.
        given: the configuration as it was written, with overrides.
        runs: by the environment's label, that environment's own run; alike in all that concerns
            the student.
    """

    name: str
    given: Mapping[str, Any]
    runs: Mapping[str, RunConfig]

    def to_yaml(self) -> str:
        """As it is saved in the run folder; each environment's folder holds its own, resolved."""
        return yaml.safe_dump(dict(self.given), sort_keys=False, allow_unicode=True)


def load_run(path: Path, overrides: Sequence[str] = ()) -> RunConfig | MultiEnvironmentConfig:
    """Read the configuration of a run in one environment or in several.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type, or an override that is not `a.b=c`.
    """
    return validated_run(read_yaml(path, overrides), str(path))


def validated_run(data: Mapping[str, Any], where: str) -> RunConfig | MultiEnvironmentConfig:
    """Validate the keys of a run in one environment or in several.

    Raises:
        ConfigError: they do not fit.
    """
    if "environments" in data:
        return combined(data, where)
    return validated(RunConfig, data, where)


def combined(data: Mapping[str, Any], where: str) -> MultiEnvironmentConfig:
    """Validate a configuration with `environments`.

    Raises:
        ConfigError: it does not fit, with the environment where it does not.
    """
    if "environment" in data:
        raise ConfigError(f"{where}: 'environment' and 'environments' exclude each other")
    parts = data["environments"]
    if not isinstance(parts, Mapping) or not parts:
        raise ConfigError(f"{where}: key 'environments' holds no environments (label: its keys)")
    name = str(data.get("name", "run"))
    runs = {label: _run_of(data, label, own or {}, where) for label, own in parts.items()}
    return MultiEnvironmentConfig(name, data, runs)


def _run_of(data: Mapping[str, Any], label: Any, own: Any, where: str) -> RunConfig:
    """The run of one environment: the shared keys, and its own before them."""
    here = f"{where}, environment '{label}'"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", str(label)):
        raise ConfigError(f"{here}: a label is made of letters, digits, '_' and '-'")
    if not isinstance(own, Mapping):
        raise ConfigError(f"{here}: expected keys such as 'rollouts:'")
    for key in own:
        if key not in KEYS:
            close = get_close_matches(str(key), KEYS, n=1, cutoff=0.6)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise ConfigError(f"{here}: unknown key '{key}'; {hint}known here: {', '.join(KEYS)}")
    run = {key: value for key, value in data.items() if key != "environments"}
    run["name"] = f"{data.get('name', 'run')}-{label}"
    run["environment"] = {"name": own.get("name", label), "options": own.get("options") or {}}
    for key in SECTIONS:
        if key in own:
            run[key] = _over(run.get(key), own[key])
    if "layout" in own:
        run["student"] = _over(run.get("student"), {"layout": own["layout"]})
    return validated(RunConfig, run, here)


def _over(shared: Any, own: Any) -> Any:
    """`own` before `shared`, key by key; a part of another name keeps none of the old options."""
    if not isinstance(shared, Mapping) or not isinstance(own, Mapping):
        return own
    if own.get("name", shared.get("name")) != shared.get("name"):
        return own
    return {**shared, **{key: _over(shared.get(key), value) for key, value in own.items()}}
