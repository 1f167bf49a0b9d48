"""A run of the tiny student that is killed in every one of its stages."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = Path(__file__).parents[2] / "examples/quickstart-smallest.yaml"
SMALLER = ("demonstrations.tasks=24", "rollouts.tasks=8", "evaluation.tasks=8",
           "evaluation.test_tasks=8", "updater.options.checkpoint_steps=1")  # fmt: skip
RECORDS = ("*/demonstrations.jsonl", "*/rollouts.jsonl", "*/corrections.jsonl", "*/rejected.jsonl",
           "*/examples.jsonl", "*/validation.jsonl", "*/test.jsonl",
           "*/policy/model.safetensors")  # fmt: skip


def start(runs: Path) -> subprocess.Popen[bytes]:
    changes = [part for change in SMALLER for part in ("--set", change)]
    command = [sys.executable, "-m", "leap_core", "run", str(CONFIG), "--runs", str(runs), *changes]
    quiet, one_thread = subprocess.DEVNULL, {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, env=one_thread)


def stages(run: Path) -> int:
    """How many stages were begun, or gone on with, so far."""
    events = run / "events.jsonl"
    if not events.exists():
        return 0
    told = [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
    return sum(event["event"] in ("stage started", "stage resumed") for event in told)


def contents(run: Path) -> dict[str, bytes]:
    kept = [path for pattern in RECORDS for path in (run / "iterations").glob(pattern)]
    return {str(path.relative_to(run)): path.read_bytes() for path in kept}


@pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="takes minutes: LEAP_FULL=1")
def test_a_run_killed_in_every_stage_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    pytest.importorskip("leap_alfworld")
    assert start(tmp_path / "whole").wait() == 0
    whole = contents(tmp_path / "whole/quickstart-smallest")
    assert any("model.safetensors" in name for name in whole)
    run, rng, killed = tmp_path / "cut/quickstart-smallest", random.Random(0), 0
    for going_on in range(1, 100):
        process = start(tmp_path / "cut")
        before = stages(run)
        # The first stage may only finish what the last sitting left; the second is killed.
        while process.poll() is None and stages(run) < before + min(going_on, 2):
            time.sleep(0.02)
        time.sleep(rng.random() * 0.4)
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        killed += 1
    assert process.wait() == 0
    assert killed >= 8
    assert contents(run) == whole
