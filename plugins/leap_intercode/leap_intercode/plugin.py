"""The InterCode plugin of LEAP: what it registers. Light on purpose."""

from __future__ import annotations

from leap_core import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_environments(register: Register) -> None:
    register(
        "intercode-bash",
        "leap_intercode.environment:BashEnvironment",
        "requests answered by bash commands, in a sandbox",
    )
    register(
        "intercode-sql",
        "leap_intercode.sql.environment:SqlEnvironment",
        "questions answered by SQL queries, on SQLite or MySQL",
    )


@hookimpl
def leap_register_privileged_sources(register: Register) -> None:
    register(
        "intercode-gold",
        "leap_intercode.privileged:GoldSource",
        "the gold command or query, and its result",
    )


@hookimpl
def leap_register_commands(register: Register) -> None:
    register(
        "intercode",
        "leap_intercode.cli.group:command",
        "InterCode: what works here, an episode by hand, the official files.",
    )
