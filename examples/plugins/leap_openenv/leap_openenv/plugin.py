"""What this plugin registers. Light: OpenEnv's client is imported when an episode is opened."""

from leap_core import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_environments(register: Register) -> None:
    register(
        "openenv",
        "leap_openenv.environment:OpenEnvEnvironment",
        "any OpenEnv server whose actions and observations have text",
    )


@hookimpl
def leap_register_privileged_sources(register: Register) -> None:
    register(
        "openenv-state",
        "leap_openenv.privileged:OpenEnvState",
        "the state that an OpenEnv server tells besides its observations",
    )
