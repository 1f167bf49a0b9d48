"""A run on the toy environment: its plugin, its configuration, and a plugin that kills it."""

from __future__ import annotations

import json
from pathlib import Path

TOY = """
from leap_core.hookspecs import hookimpl

LEAP_API_VERSION = 2

@hookimpl
def leap_register_environments(register):
    register("toy", "leap_core.testing.toy:ToyEnvironment", "coins in boxes")

@hookimpl
def leap_register_privileged_sources(register):
    register("toy-coin", "leap_core.testing.toy:ToySource", "where the coin is")
"""


# Dies in the middle of the write number LEAP_KILL_AT: half a line, then SIGKILL.
KILLER = """
import os, signal

LEAP_API_VERSION = 2
_left = int(os.environ.get("LEAP_KILL_AT", "0"))

if _left:
    import leap_core.runs.records as records

    def dying(path, data, write):
        global _left
        _left -= 1
        if _left == 0:
            with open(path, "ab") as file:
                file.write(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write()

    append, aside = records.Records.append, records.write_aside
    records.Records.append = lambda self, record: dying(
        self.path, self._adapter.dump_json(record), lambda: append(self, record))
    records.write_aside = lambda path, data: dying(
        path.with_name(f".{path.name}.writing"), data, lambda: aside(path, data))
"""


CONFIG = {
    "name": "toy",
    "iterations": 2,
    "environment": {"name": "toy"},
    "splits": {"train": "train", "validation": "valid", "test": "test"},
    "student": {"model": "scripted:first-box"},
    "demonstrations": {"tasks": 6},
    "rollouts": {"tasks": 7, "in_flight": 3},
    "privileged": {"name": "toy-coin"},
    "teacher": {"name": "oracle"},
    "updater": {"name": "keep"},
    "evaluation": {"tasks": 5, "test_tasks": 5},
}


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def records(run: Path) -> dict[str, str]:
    """Everything that a run recorded, but for times and what depends on them."""
    timed = {"events.jsonl", "ledger.jsonl", ".lock"}
    return {
        str(path.relative_to(run)): path.read_text()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in timed
    }
