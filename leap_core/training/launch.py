"""An update in processes of its own: a crash there is an error here, and its memory is free again.

A job is a folder: `job.json`, `examples.jsonl`, `rollouts.jsonl`; the worker adds `metrics.jsonl`,
`log.txt`, and at its end `result.json` or `error.json`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import yaml

from leap_core.contracts.updater import RolloutStep, UpdateContext, Updater
from leap_core.errors import UpdateError
from leap_core.runs.policy_paths import relocated
from leap_core.runs.records import Records, read_json, write_json
from leap_core.training.options import LaunchOptions, TrainingOptions
from leap_core.types import Example, PolicyRef

WORKER = "leap_core.training.worker"
INSIDE = "LEAP_WORKER"
TAIL = 15


@dataclass(frozen=True)
class JobMessage:
    """One line of metrics.jsonl: numbers, or a line for the user."""

    metrics: dict[str, float]
    text: str = ""


def launch_options(options: TrainingOptions) -> LaunchOptions | None:
    """How to launch; None where the update is to run in this process."""
    if options.launch == "never" or os.environ.get(INSIDE):
        return None
    if options.launch is not None:
        return options.launch
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return None
    import torch

    gpus = torch.cuda.device_count()
    return LaunchOptions(processes=gpus) if gpus else None


def launched(
    updater: Updater,
    chosen: LaunchOptions,
    policy: PolicyRef,
    examples: Sequence[Example],
    context: UpdateContext,
) -> PolicyRef:
    """Run `updater.update` as a job and wait for it.

    Raises:
        UpdateError: the job failed; with its own reason, or the end of its log.
    """
    with _folder(context) as job:
        _write(job, updater, policy, examples, context)
        with (job / "log.txt").open("wb") as log:
            code = _run(command(chosen, job), chosen, job, log, context)
        return _result(job, code, chosen, context.out_dir)


def command(chosen: LaunchOptions, job: Path) -> list[str]:
    """What starts the job."""
    if chosen.accelerate_config:
        start = ["-m", "accelerate.commands.launch", "--config_file", chosen.accelerate_config]
    elif chosen.processes > 1:
        start = ["-m", "torch.distributed.run", "--standalone"]
        start += ["--nproc_per_node", str(chosen.processes)]
    else:
        start = []
    return [sys.executable, *start, "-m", WORKER, str(job)]


@contextmanager
def _folder(context: UpdateContext) -> Iterator[Path]:
    if context.work_dir is not None:
        job = context.work_dir / "job"
        shutil.rmtree(job, ignore_errors=True)
        job.mkdir(parents=True)
        yield job
        return
    with tempfile.TemporaryDirectory(prefix="leap-job-") as name:
        yield Path(name)


def _write(
    job: Path,
    updater: Updater,
    policy: PolicyRef,
    examples: Sequence[Example],
    context: UpdateContext,
) -> None:
    kind = type(updater)
    write_json(
        job / "job.json",
        {
            "updater": f"{kind.__module__}:{kind.__qualname__}",
            "options": updater.options.model_dump(mode="json"),
            "policy": asdict(policy),
            "base": asdict(context.base),
            "out_dir": str(context.out_dir.resolve()),
            "work_dir": str(context.work_dir.resolve()) if context.work_dir else None,
            "iteration": context.iteration,
            "name": context.name,
            "reports_dir": str(context.reports_dir.resolve()) if context.reports_dir else None,
            "seed": context.seed,
        },
    )
    Records(job / "examples.jsonl", Example).replace(examples)
    if context.rollouts is not None:
        Records(job / "rollouts.jsonl", RolloutStep).replace(context.rollouts())


def _run(
    command: Sequence[str],
    chosen: LaunchOptions,
    job: Path,
    log: IO[bytes],
    context: UpdateContext,
) -> int:
    """Start the job, hand on what it tells, and end it with all its children if we are stopped."""
    environment = {**os.environ, **chosen.environment, INSIDE: "1"}
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
    )
    told = 0
    try:
        while True:
            try:
                code: int | None = process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                code = None
            told = _tell(job, told, context)
            if code is not None:
                return code
    except BaseException:
        _stop(process)
        raise


def _tell(job: Path, told: int, context: UpdateContext) -> int:
    """Hand on what was told after the first `told` lines; returns how many there are now."""
    lines = list(Records(job / "metrics.jsonl", JobMessage))
    for one in lines[told:]:
        if one.text:
            context.say(one.text)
        else:
            context.log(one.metrics)
    return len(lines)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The ranks of torchrun sit in sessions of their own: ask the launcher first, then end them."""
    import psutil

    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        family = []
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
    for child in family:
        with suppress(psutil.Error):
            child.kill()


def _processes(chosen: LaunchOptions) -> int:
    """How many processes there should have been."""
    if chosen.accelerate_config is None:
        return chosen.processes
    given = yaml.safe_load(Path(chosen.accelerate_config).read_text(encoding="utf-8"))
    return int(given.get("num_processes") or 1)


def _own(lines: list[str]) -> list[str]:
    """What the job itself wrote: torchrun's report on a death says nothing of its cause."""
    report = (n for n, line in enumerate(lines) if "elastic/multiprocessing/api.py" in line)
    return lines[: next(report, len(lines))] or lines


def _result(job: Path, code: int, chosen: LaunchOptions, out_dir: Path) -> PolicyRef:
    """What the job made; it was told where by absolute paths."""
    error, result = job / "error.json", job / "result.json"
    if error.exists():
        raise UpdateError(str(read_json(error)["error"]))
    if code != 0 or not result.exists():
        lines = (job / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        killed = ": the system was out of memory, it seems" if code == -signal.SIGKILL else ""
        tail = "\n".join(_own(lines)[-TAIL:])
        raise UpdateError(f"the training job {how}{killed}; its log ends:\n{tail}")
    made = read_json(result)
    wanted = _processes(chosen)
    if made["world"] != wanted:
        raise UpdateError(
            f"the training job ran {made['world']} processes instead of {wanted} (without GPUs, "
            "accelerate starts one only: set launch.processes and no accelerate_config)"
        )
    return relocated(PolicyRef(**made["policy"]), out_dir.resolve(), out_dir)
