"""From options to an environment of verifiers, and whether LEAP can play it."""

from __future__ import annotations

import inspect
from typing import Any

import verifiers.v1 as vf
from pydantic import ValidationError
from verifiers.v1.utils.loaders import load_environment, resolve_env_config

from leap_core import ConfigError
from leap_verifiers.options import VerifiersOptions


def load(options: VerifiersOptions) -> vf.Env[Any]:
    """Build the environment.

    Raises:
        ConfigError: there is no such taskset or environment, its options are wrong, or it asks for
            what a student of text does not have (tools, a container, a second agent).
    """
    asked = {
        **options.env_config,
        "id": options.env,
        "taskset": {**options.config, "id": options.taskset},
    }
    try:
        env = load_environment(resolve_env_config(asked))
    except (ImportError, AttributeError, TypeError, ValidationError, ValueError) as error:
        raise ConfigError(f"verifiers cannot load '{options.taskset}': {error}") from error
    problem = _problem(env)
    if problem:
        raise ConfigError(f"'{options.taskset}' cannot be played so: {problem}")
    return env


def _problem(env: vf.Env[Any]) -> str | None:
    """What the environment needs that a student does not have."""
    task, own = type(env.taskset).task_type(), type(env)
    settings = env.config.taskset.task
    agents = vf.Agents(env.config, lambda name, _: name)._agents
    if len(agents) != 1:
        return f"it has {len(agents)} agents ({', '.join(agents)}), and the student is one"
    if task.NEEDS_CONTAINER:
        return "its tasks need a container"
    if task.toolsets(settings) or env.taskset.toolsets(env.config.taskset):
        return "its tasks have tools"
    if settings.judges:
        return "its tasks are judged by a model"
    for name in ("setup", "finalize"):
        if getattr(task, name) is not getattr(vf.Task, name):
            return f"its tasks' {name}() wants a runtime"
    for name in ("finalize", "start", "stop"):
        if getattr(own, name) is not getattr(vf.Env, name):
            return f"{own.__name__} has a {name}(), which LEAP does not call"
    return None


def check_task(task: Any) -> None:
    """A task's rewards and stops may be written for that task alone, so they are looked at too.

    Raises:
        ConfigError: a reward wants a runtime, or an exchange would be stopped by a function.
    """
    for reward in task.hooks("reward"):
        if "runtime" in inspect.signature(reward).parameters:
            raise ConfigError(f"the reward '{reward.__name__}' wants a runtime")
    if stops := task.hooks("stop"):
        raise ConfigError(f"its exchanges are stopped by '{stops[0].__name__}', LEAP's by horizon")
