"""Writes the page that follows one failed trajectory through the code, from its own docstrings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

# Where a failed trajectory goes, in order: object, then what it leaves on disk (a record of
# an iteration lies in its folder, iterations/01 and so on).
STATIONS = (
    ("leap_core.loop:run_leap", "config.yaml, manifest.json"),
    ("leap_core.stages.environment_run:EnvironmentRun.roll_out", "rollouts.jsonl"),
    ("leap_core.rollout.scheduler:Scheduler", ""),
    ("leap_core.contracts.play:trajectory_of", ""),
    ("leap_core.stages.corrections:CorrectionStage.correct", ""),
    ("leap_core.rollout.privileged_states:PrivilegedStateWorkers", ""),
    ("leap_core.contracts.privileged:PrivilegedSource.states", ""),
    ("leap_core.contracts.teacher:Teacher.correct", "ledger.jsonl"),
    ("leap_core.correction.validate:validate", "corrections.jsonl"),
    ("leap_core.correction.leaks:find_leaks", "rejected.jsonl"),
    ("leap_core.examples.build:examples_from_corrections", "examples.jsonl"),
    ("leap_core.stages.environment_run:EnvironmentRun.aggregate", ""),
    ("leap_core.stages.updates:UpdateStage.update", "metrics.jsonl"),
    ("leap_core.contracts.updater:Updater.update", "policy/"),
    ("leap_core.stages.environment_run:EnvironmentRun.evaluate", "evaluation.json"),
    ("leap_core.evaluation:best_of", "result.json"),
)

START = """# One failed trajectory, file by file

Written from the code's own docstrings. `leap_core/loop.py` reads like Algorithm 1 of the paper;
this page follows one trajectory of a policy that failed, from its rollout to the training rows of
the next policy, and says which file of the run folder each station leaves. From Python, the same
files are read with [`leap_core.open_run`](../python.md).
"""


def page() -> str:
    """Return the page as markdown."""
    return "\n\n".join([START.rstrip(), *_loop(), *_stations()]) + "\n"


def _loop() -> Iterator[str]:
    loop = importlib.import_module("leap_core.loop")
    yield "## The algorithm: `leap_core/loop.py`"
    lines = inspect.getdoc(loop) or ""
    yield "\n".join(["```text", lines.partition("\n\n")[2].partition("\n\nD_0")[0], "```"])


def _stations() -> Iterator[str]:
    for number, (address, leaves) in enumerate(STATIONS, 1):
        module_name, _, path = address.partition(":")
        module = importlib.import_module(module_name)
        found: object = module
        for name in path.split("."):
            found = getattr(found, name)
        yield f"## {number}. {path}"
        file = "/".join(module_name.split(".")) + ".py"
        yield f"In `{file}`" + (f", which leaves `{leaves}`." if leaves else ".")
        yield _plain(inspect.getdoc(found) or "")


def _plain(text: str) -> str:
    """Return a docstring's paragraphs up to its lists of attributes and errors."""
    kept = []
    for paragraph in text.split("\n\n"):
        if paragraph.partition("\n")[0].rstrip() in ("Raises:", "Attributes:"):
            break
        kept.append(paragraph)
    return "\n\n".join(kept)
