"""What this plugin registers. Light: Gymnasium is imported when an environment is built."""

from leap_core import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_environments(register: Register) -> None:
    register(
        "gymnasium",
        "leap_gymnasium.environment:GymnasiumEnvironment",
        "any Gymnasium environment that speaks text",
    )


@hookimpl
def leap_register_privileged_sources(register: Register) -> None:
    register(
        "gymnasium-state",
        "leap_gymnasium.privileged:GymnasiumState",
        "attributes of the environment that the student does not see",
    )
