"""From a configuration to an executor."""

from __future__ import annotations

import os

from leap_core.config.schema import ExecutorConfig
from leap_core.contracts.environment import Environment
from leap_core.contracts.privileged import PrivilegedSource
from leap_core.rollout.executors.base import Executor, LocalExecutor


def build_executor(
    choice: ExecutorConfig,
    environment: Environment,
    in_flight: int,
    source: PrivilegedSource | None = None,
) -> Executor:
    """The executor that `choice` names; with `source` it finds privileged states as well.

    Raises:
        ConfigError: the environment (or the source) cannot be sent to other processes.
        MissingExtra: Ray is not installed.
    """
    if choice.name == "local":
        return LocalExecutor(environment, source)
    from leap_core.rollout.executors.pool import PoolExecutor

    if choice.name == "processes":
        from leap_core.rollout.executors.processes import ProcessWorkerFactory

        workers = min(choice.workers or os.cpu_count() or 1, in_flight)
        return PoolExecutor(
            ProcessWorkerFactory(environment, choice.start_timeout, source), workers, choice.timeout
        )
    from leap_core.rollout.executors.ray import RayWorkerFactory

    hire = RayWorkerFactory(environment, choice, source)
    return PoolExecutor(hire, min(choice.workers or hire.room(), in_flight), choice.timeout)
