"""Write the labelled sentences on which the leak audit is measured, one file an environment.

    python -m benchmarks.audit_sentences.make

The wordings are fitted into situations of generated worlds. Wordings are split before anything is
tuned: the 1st, 3rd and 5th of each manner are for tuning, the others are held out.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.audit_sentences import alfworld, bash, situations, sql, webshop
from leap_core import Environment, PrivilegedSource
from leap_core.config.schema import ComponentConfig
from leap_core.plugins.build import build

EACH = 150
"""Sentences of each label and half: 600 an environment."""
HERE = Path(__file__).resolve().parents[2]
Make = Callable[[Environment, PrivilegedSource], Iterator[situations.Situation]]
ENVIRONMENTS: dict[str, tuple[str, Any, Make, str]] = {
    "alfworld": ("alfworld-simulator", alfworld, situations.alfworld, "leap_alfworld"),
    "webshop": ("webshop-goal", webshop, situations.webshop, "leap_webshop"),
    "intercode-bash": ("intercode-gold", bash, situations.bash, "leap_intercode"),
    "intercode-sql": ("intercode-gold", sql, situations.sql, "leap_intercode"),
}
"""Privileged source, wordings, situations and package by environment."""


def main() -> None:
    """Write all files."""
    for name, (source_name, wordings, make, package) in ENVIRONMENTS.items():
        environment = build("environment", ComponentConfig(name=name), "environment")
        source = build(
            "privileged source", ComponentConfig(name=source_name), "privileged", environment
        )
        found = list(make(environment, source))
        random.Random(1).shuffle(found)
        path = HERE / "plugins" / package / package / "audit" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for row in rows(name, wordings.LEAKS, wordings.HONEST, found):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def rows(
    environment: str,
    leaks: Mapping[str, Sequence[str]],
    honest: Mapping[str, Sequence[str]],
    found: Sequence[situations.Situation],
) -> Iterator[dict[str, Any]]:
    """Yield the lines of one environment: each wording in turn, in a situation that fits it."""
    turn = 0
    for label, manners in ((1, leaks), (0, honest)):
        for half, parity in (("tune", 0), ("held", 1)):
            pairs = [(m, w) for m, ws in manners.items() for w in ws[parity::2]]
            fitting = {w: [s for s in found if _slots(w) <= s.words.keys()] for _, w in pairs}
            usable = cycle([(m, w) for m, w in pairs if fitting[w]])
            for _ in range(EACH):
                manner, wording = next(usable)
                situation = fitting[wording][turn % len(fitting[wording])]
                turn += 1
                yield _row(environment, situation, wording) | {
                    "label": label, "manner": manner, "half": half,
                }  # fmt: skip


def _row(environment: str, situation: situations.Situation, wording: str) -> dict[str, Any]:
    reason = wording.format(**situation.words)
    return {
        "environment": environment,
        "options": {},
        "split": situation.task.split,
        "task": situation.task.id,
        "seed": 0,
        "actions": list(situation.actions),
        "step": len(situation.actions),
        "reason": reason[0].upper() + reason[1:],
    }


def _slots(wording: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name}


if __name__ == "__main__":
    main()
