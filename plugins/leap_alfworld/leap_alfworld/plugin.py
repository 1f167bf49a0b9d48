"""The ALFWorld plugin of LEAP: what it registers. Light on purpose."""

from __future__ import annotations

from leap_core import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_environments(register: Register) -> None:
    register(
        "alfworld",
        "leap_alfworld.environment:AlfworldEnvironment",
        "household tasks in text: generated games or the official files",
    )


@hookimpl
def leap_register_privileged_sources(register: Register) -> None:
    register(
        "alfworld-simulator",
        "leap_alfworld.privileged:SimulatorSource",
        "where everything is, and the best plan from each step",
    )
    register(
        "alfworld-human",
        "leap_alfworld.privileged:HumanSource",
        "people's step-by-step instructions (official games)",
    )


@hookimpl
def leap_register_commands(register: Register) -> None:
    register(
        "alfworld",
        "leap_alfworld.cli.group:command",
        "ALFWorld's games: generate, fetch the official ones, verify the engine.",
    )
