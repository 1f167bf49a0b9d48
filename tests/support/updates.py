"""Updates of a tiny student, with all that they report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leap_core.contracts.updater import UpdateContext, Updater
from leap_core.plugins.registry import build_options
from leap_core.types import Example, PolicyRef
from tests.support.students import toy_examples

FAST = {"batch_size": 4, "batch_of": "trajectories", "learning_rate": 1e-3, "lora": None,
        "logging_steps": 1, "sharing": "trunk"}  # fmt: skip


ADAPTER = {"r": 4, "alpha": 8, "dropout": 0.0}


def corrections(iteration: int = 1) -> list[Example]:
    """Corrections of a student that always says the same."""
    wrong = "REASON: It must be in box 1.\nACTION: open box 1"
    return [
        replace(e, source="correction", rejected=wrong, iteration=iteration)
        for e in toy_examples(6)
        if e.reply != wrong
    ]


class Told:
    """What an update told."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = []
        self.lines: list[str] = []

    def context(self, out: Path, base: PolicyRef, **more: Any) -> UpdateContext:
        out.mkdir(parents=True, exist_ok=True)
        log: Callable[[Mapping[str, float]], None] = lambda m: self.metrics.append(dict(m))  # noqa: E731
        return UpdateContext(
            out_dir=out,
            base=base,
            iteration=more.pop("iteration", 1),
            seed=0,
            log=log,
            say=self.lines.append,
            **more,
        )

    @property
    def losses(self) -> list[float]:
        return [m["loss"] for m in self.metrics if "loss" in m]


def updater(factory: type[Updater], **options: Any) -> Updater:
    return factory(build_options(factory, {**FAST, **options}, "options"))
