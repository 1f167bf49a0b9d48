"""What this plugin registers. Light: verifiers is imported when an environment is built."""

from leap_core import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_environments(register: Register) -> None:
    register(
        "verifiers",
        "leap_verifiers.environment:VerifiersEnvironment",
        "environments of verifiers in which one agent talks",
    )


@hookimpl
def leap_register_privileged_sources(register: Register) -> None:
    register(
        "verifiers-data",
        "leap_verifiers.privileged:VerifiersData",
        "fields of a task's data that the student does not see, such as its answer",
    )
