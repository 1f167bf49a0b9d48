"""One process of a launched update: `python -m leap_core.training.worker JOB`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leap_core.contracts.updater import RolloutStep, UpdateContext
from leap_core.errors import LeapError
from leap_core.runs.records import Records, read_json, write_json
from leap_core.training.launch import JobMessage
from leap_core.types import Example, PolicyRef


def main(job: Path) -> int:
    """Do the job; what came of it is written by the first process."""
    first = int(os.environ.get("RANK", "0")) == 0
    try:
        made = _work(job, first)
    except LeapError as error:
        if first:
            write_json(job / "error.json", {"error": str(error)})
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if first:
        world = int(os.environ.get("WORLD_SIZE", "1"))
        write_json(job / "result.json", {"policy": asdict(made), "world": world})
    _leave_together()
    return 0


def _leave_together() -> None:
    """Leave together: a process whose peer is gone before it may end in an abort."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def _work(job: Path, first: bool) -> PolicyRef:
    task: dict[str, Any] = read_json(job / "job.json")
    module, _, name = task["updater"].partition(":")
    factory = getattr(importlib.import_module(module), name)
    told = Records(job / "metrics.jsonl", JobMessage)

    def log(metrics: Mapping[str, float]) -> None:
        if first:
            told.append(JobMessage(dict(metrics)))

    def say(text: str) -> None:
        if first:
            told.append(JobMessage({}, text))

    rollouts = Records(job / "rollouts.jsonl", RolloutStep)
    context = UpdateContext(
        out_dir=Path(task["out_dir"]),
        base=PolicyRef(**task["base"]),
        iteration=task["iteration"],
        seed=task["seed"],
        log=log,
        work_dir=Path(task["work_dir"]) if task["work_dir"] else None,
        say=say,
        name=task["name"],
        reports_dir=Path(task["reports_dir"]) if task["reports_dir"] else None,
        rollouts=(lambda: list(rollouts)) if rollouts.path.exists() else None,
    )
    updater = factory(factory.Options.model_validate(task["options"]))
    examples = list(Records(job / "examples.jsonl", Example))
    made: PolicyRef = updater.update(PolicyRef(**task["policy"]), examples, context)
    return made


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
