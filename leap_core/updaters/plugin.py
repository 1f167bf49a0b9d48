"""Registers the updaters that come with the core."""

from leap_core.hookspecs import Register, hookimpl

LEAP_API_VERSION = 1


@hookimpl
def leap_register_updaters(register: Register) -> None:
    register(
        "sft",
        "leap_core.updaters.sft:SFTUpdater",
        "supervised fine-tuning on all examples so far (trl + peft)",
    )
    register(
        "keep",
        "leap_core.updaters.keep:KeepUpdater",
        "trains nothing: the policy stays as it is (for scripted students and dry runs)",
    )
