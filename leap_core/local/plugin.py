"""Registers the engine that runs models in this process."""

from leap_core.hookspecs import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_policy_engines(register: Register) -> None:
    register(
        "transformers",
        "leap_core.local.engine:TransformersEngine",
        "a model folder or hub id in this process (torch, transformers)",
    )
