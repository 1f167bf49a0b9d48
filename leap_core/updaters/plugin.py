"""Registers the updaters that come with the core."""

from leap_core.hookspecs import Register, hookimpl

LEAP_API_VERSION = 2


@hookimpl
def leap_register_updaters(register: Register) -> None:
    register(
        "sft",
        "leap_core.updaters.sft:SFTUpdater",
        "supervised fine-tuning on all examples so far (trl + peft)",
    )
    register(
        "dpo",
        "leap_core.updaters.preferences:DPOUpdater",
        "prefers corrections to the student's own replies (direct preference optimisation)",
    )
    register(
        "kto",
        "leap_core.updaters.preferences:KTOUpdater",
        "makes corrections likelier, one by one (Kahneman-Tversky optimisation)",
    )
    register(
        "distill",
        "leap_core.updaters.distill:DistillUpdater",
        "draws the student to itself with the privileged state in its prompt, on its own rollouts",
    )
    register(
        "sequence",
        "leap_core.updaters.sequence:SequenceUpdater",
        "several updaters one after another; written as a list, such as [sft, dpo]",
    )
    register(
        "keep",
        "leap_core.updaters.noop:KeepUpdater",
        "trains nothing: the policy stays as it is (for scripted students and dry runs)",
    )
