"""The WebShop plugin of LEAP: what it registers. Light on purpose."""

from __future__ import annotations

from leap_core import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_environments(register: Register) -> None:
    register(
        "webshop",
        "leap_webshop.environment:WebshopEnvironment",
        "shopping in a simulated store: a generated catalogue or the official one",
    )


@hookimpl
def leap_register_privileged_sources(register: Register) -> None:
    register(
        "webshop-goal",
        "leap_webshop.privileged:GoalSource",
        "what is wanted exactly, an example product, and what each step is worth",
    )


@hookimpl
def leap_register_commands(register: Register) -> None:
    register(
        "webshop",
        "leap_webshop.cli.group:command",
        "The store: compile a catalogue, play, fetch the official data.",
    )
