"""Small real students for tests."""

from __future__ import annotations

from pathlib import Path

from leap_core.contracts.environment import Environment
from leap_core.contracts.updater import UpdateContext
from leap_core.examples import examples_from_demonstrations
from leap_core.local.tiny_student import TinyOptions, build_tiny
from leap_core.policy.prompt import PromptRenderer
from leap_core.testing.toy import ToyEnvironment, ToyOptions
from leap_core.types import Example, PolicyRef
from leap_core.updaters.sft import SFTOptions, SFTUpdater

SMALL = TinyOptions(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64,
                    vocabulary=400, max_length=512)  # fmt: skip


def toy() -> ToyEnvironment:
    return ToyEnvironment(ToyOptions())


def toy_writer() -> PromptRenderer:
    return PromptRenderer(toy().layout(), horizon=8)


def toy_examples(tasks: int, kind: str = "search") -> list[Example]:
    environment: Environment = toy()
    shown = environment.demonstrations(environment.tasks("train")[:tasks], kind)
    return list(examples_from_demonstrations(shown, toy_writer(), "toy"))


def tiny_student(folder: Path, seed: int = 0) -> Path:
    build_tiny(folder, [e.prompt.text + e.reply for e in toy_examples(20)], SMALL, seed)
    return folder


def trained_student(folder: Path) -> PolicyRef:
    """A tiny student that has learned to write replies (not always good ones)."""
    base = PolicyRef(kind="transformers", model=str(tiny_student(folder / "base")))
    out = folder / "trained"
    out.mkdir()
    options = SFTOptions(epochs=12, batch_size=4, learning_rate=1e-2, lora=None, sharing="trunk")
    context = UpdateContext(out_dir=out, base=base, iteration=0, seed=0, log=lambda metrics: None)
    return SFTUpdater(options).update(base, toy_examples(60), context)
