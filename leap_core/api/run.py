"""`leap_core.run`: train a student by Algorithm 1 from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leap_core.config.load import read_yaml, set_keys
from leap_core.config.multi_environment import MultiEnvironmentConfig, validated_run
from leap_core.config.schema import RunConfig
from leap_core.errors import ConfigError
from leap_core.loop import RunResult, run_leap
from leap_core.plugins.packaged_configs import packaged_config
from leap_core.runs.progress import Screen

Config = str | Path | Mapping[str, Any] | RunConfig | MultiEnvironmentConfig
"""A path, the name of a packaged configuration, its keys, or a validated configuration."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A finished run.

    Attributes:
        run_dir: the run folder; `leap_core.open_run(run_dir)` reads it.
        best: iteration of the best policy on validation.
        policy: folder of the best policy.
        environments: results by label; a run in one environment has the label "".
    """

    run_dir: Path
    best: int
    policy: Path
    environments: Mapping[str, RunResult]


def run(
    config: Config,
    name: str | None = None,
    runs: str | Path = "runs",
    overrides: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> RunSummary:
    """Run Algorithm 1, or go on with the run of this name where it stopped.

    `config` is a path, the name of a packaged configuration ("quickstart"), a mapping of its keys,
    or a `RunConfig`. `overrides` sets dotted keys: `{"rollouts.tasks": 8}`. Works in a notebook.

    Raises:
        LeapError: as `leap run`: the configuration cannot be run, the folder is in use, the budget
            is spent, and the like.
    """
    resolved = resolve(config, name, overrides or {})
    run_dir = Path(runs) / resolved.name
    results = run_leap(resolved, run_dir, Screen(quiet))
    return RunSummary(
        run_dir=run_dir,
        best=results[0].best,
        policy=results[0].policy,
        environments={result.environment: result for result in results},
    )


def resolve(
    config: Config, name: str | None = None, overrides: Mapping[str, Any] | None = None
) -> RunConfig | MultiEnvironmentConfig:
    """Return the validated configuration, with `overrides` and under `name`.

    Raises:
        ConfigError: it cannot be read, or does not fit.
    """
    changes = {**(overrides or {}), **({"name": name} if name else {})}
    if isinstance(config, (str, Path)):
        path = Path(config)
        found = path if path.exists() else packaged_config(str(config)) or path
        where, data = str(found), read_yaml(found)
    elif isinstance(config, RunConfig):
        where, data = "the configuration", config.model_dump(mode="json")
    elif isinstance(config, MultiEnvironmentConfig):
        where, data = "the configuration", dict(config.given)
    elif isinstance(config, Mapping):
        where, data = "the configuration", dict(config)
    else:
        raise ConfigError(
            "a configuration is a path, a packaged name, a mapping or a RunConfig, not "
            f"{type(config).__name__}"
        )
    set_keys(data, changes)
    return validated_run(data, where)
