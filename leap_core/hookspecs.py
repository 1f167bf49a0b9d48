"""The whole contract with plugins, on one page.

A plugin is a Python module named by an entry point in group `leap`. It sets
`LEAP_API_VERSION = 2` and implements any of these hooks with `leap_core.hookimpl`. The module must
be light: factories are given as "package.module:Class" and imported when a run names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pluggy

from leap_core.evaluation import Evaluation
from leap_core.types import PolicyRef

API_VERSION = 2
"""Version of the contract with plugins; raised when it gains something."""

OLDEST_API_VERSION = 2
"""Plugins that need less than this use something that is gone."""

ENTRY_POINT_GROUP = "leap"

hookspec = pluggy.HookspecMarker("leap")
hookimpl = pluggy.HookimplMarker("leap")


class Register(Protocol):
    """What a registration hook is given."""

    def __call__(self, name: str, factory: str, summary: str) -> None:
        """Register `name`; `factory` is "package.module:Class", `summary` is one line."""


@dataclass(frozen=True, kw_only=True)
class IterationEvent:
    """What life-cycle hooks are told.

    Attributes:
        iteration: 0 is behaviour cloning.
        run_dir: the run folder; records of finished stages are in it.
        policy: the policy rolled out (before the update) or made (after it).
        evaluation: scores on the validation split, once there are some.
        environment: in a run in several, the one that this is about (its folder is `run_dir`), or
            "" for what concerns all of them.
    """

    iteration: int
    run_dir: Path
    policy: PolicyRef | None = None
    evaluation: Evaluation | None = None
    environment: str = ""


@hookspec
def leap_register_environments(register: Register) -> None:
    """Register environments: subclasses of `leap_core.Environment`, built as `E(options)`."""


@hookspec
def leap_register_privileged_sources(register: Register) -> None:
    """Register sources: subclasses of `leap_core.PrivilegedSource`."""


@hookspec
def leap_register_teachers(register: Register) -> None:
    """Register teachers: subclasses of `leap_core.Teacher`."""


@hookspec
def leap_register_updaters(register: Register) -> None:
    """Register updaters: subclasses of `leap_core.Updater`."""


@hookspec
def leap_register_policy_engines(register: Register) -> None:
    """Register engines of policies named `NAME:MODEL`: subclasses of `leap_core.Engine`."""


@hookspec
def leap_register_commands(register: Register) -> None:
    """Register commands: click commands or groups that appear as `leap NAME`."""


@hookspec
def leap_before_iteration(event: IterationEvent) -> None:
    """Called before an iteration starts."""


@hookspec
def leap_after_rollouts(event: IterationEvent) -> None:
    """Called when an iteration's rollouts are complete."""


@hookspec
def leap_after_corrections(event: IterationEvent) -> None:
    """Called when an iteration's corrections are validated."""


@hookspec
def leap_after_update(event: IterationEvent) -> None:
    """Called when an iteration's policy is saved."""


@hookspec
def leap_after_iteration(event: IterationEvent) -> None:
    """Called when an iteration's policy has been evaluated."""
