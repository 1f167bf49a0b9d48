"""A provider that fails in every way, a process that is killed, a budget that is too small.

`LEAP_FULL=1` runs 500 trajectories instead of 100.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from leap_core.runs.ledger import Ledger, SpendingLimit, read_calls
from leap_core.testing.provider import Faults, ProviderReply, faulty
from leap_teachers.litellm_teacher import LitellmOptions, LitellmTeacher
from leap_teachers.testing import OracleAnswers

FULL = bool(os.environ.get("LEAP_FULL"))
COUNT = 500 if FULL else 100
TIMEOUT = 5.0 if FULL else 2.0
KEY = "sk-planted-0123456789abcdef"


@pytest.fixture
def answers(world):
    return OracleAnswers(world.environment, world.source, world.tasks(), 3)


def make(options: dict[str, Any], context: Any, **more: Any) -> LitellmTeacher:
    return LitellmTeacher(LitellmOptions(**{**options, **more}), context)


def test_every_trajectory_is_accounted_for_and_none_is_paid_twice(
    world, provider, options, context, answers, tmp_path
):
    """10 % 429s, 5 % 500s, 5 % time-outs, 10 % malformed answers, some bodies cut off."""
    faults = Faults(0.10, 0.05, 0.05, 0.02, 0.10)
    provider.answer = faulty(answers, faults, seed=1, hang=60.0)
    options.update(timeout=TIMEOUT, longest_wait=0.5, attempts=10)
    trajectories = world.failures(COUNT)

    lent = context(path=tmp_path / "ledger.jsonl")
    outcomes = world.correct(make(options, lent), trajectories, concurrency=64)
    assert [o.seed for o in outcomes] == list(range(COUNT))
    assert [o.error for o in outcomes if o.error] == []
    assert provider.twice() == []
    for outcome in outcomes:
        lost = {0, 1, 2, 3} - {c.step for c in outcome.corrections}
        told = " ".join(outcome.problems)
        assert all(f"no usable entry for step(s) {min(lost)}" in told for _ in lost)
    assert sum(len(o.corrections) for o in outcomes) > 3.8 * COUNT

    totals = lent.ledger.totals
    outcomes_seen = [e.outcome for e in provider.log]
    assert totals.calls == provider.answered
    assert totals.errors == outcomes_seen.count("refused")
    assert totals.lost == outcomes_seen.count("cut off") + outcomes_seen.count("abandoned")
    assert totals.calls > COUNT, "malformed answers are asked about again"

    asked_before = len(provider.log)
    again = context(path=tmp_path / "again.jsonl")
    repeated = world.correct(make(options, again), trajectories, concurrency=64)
    assert [o.corrections for o in repeated] == [o.corrections for o in outcomes]
    assert len(provider.log) == asked_before
    assert (again.ledger.totals.calls, again.ledger.totals.usage.cost) == (0, 0.0)


def test_a_budget_of_half_the_sum_stops_below_it_and_raising_it_resumes(
    world, provider, options, context, answers, tmp_path
):
    count = COUNT // 2
    provider.answer = lambda r: ProviderReply(answers(r), prompt_tokens=1000, completion_tokens=500)
    trajectories, each = world.failures(count), 1000 * 1e-6 + 500 * 2e-6
    half = count * each / 2
    ledger = tmp_path / "ledger.jsonl"

    poor = context(SpendingLimit(money=half), ledger)
    with pytest.raises(Exception, match="raise the budget and run again to go on") as stopped:
        world.correct(make(options, poor), trajectories, concurrency=16)
    assert type(stopped.value).__name__ == "BudgetExceeded"
    assert half * 0.5 < poor.ledger.totals.cost <= half
    poor.ledger.close()

    rich = context(SpendingLimit(money=1.0), ledger)
    outcomes = world.correct(make(options, rich), trajectories, concurrency=16)
    assert [o.error for o in outcomes if o.error] == []
    assert provider.twice() == []
    assert provider.answered == count
    assert rich.ledger.totals.cost == pytest.approx(count * each)


CHILD = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from conftest import World
from leap_core import Brief, Ledger, TeacherContext
from leap_core.correction import CorrectionSettings, correct_trajectories
from leap_teachers.litellm_teacher import LitellmOptions, LitellmTeacher

options, folder, count = json.loads(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
world = World()

async def main():
    lent = TeacherContext(
        environment=world.environment,
        ledger=Ledger(folder / "ledger.jsonl"),
        cache_dir=folder / "cache",
    )
    teacher = LitellmTeacher(LitellmOptions(**options), lent)
    with (folder / "outcomes.jsonl").open("w") as file:
        await correct_trajectories(
            world.failures(count), source=world.source, teacher=teacher,
            brief=Brief(rules=world.environment.guidance),
            settings=CorrectionSettings(concurrency=16, teacher="t"),
            on_outcome=lambda o: print(
                json.dumps([o.seed, len(o.corrections), o.error]), file=file
            ),
        )
    await teacher.aclose()

asyncio.run(main())
"""


def start(options: dict[str, Any], folder: Path, count: int, **env: str) -> subprocess.Popen[bytes]:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", CHILD, here, json.dumps(options), str(folder), str(count)]
    return subprocess.Popen(command, env={**os.environ, **env}, stderr=subprocess.PIPE)


def stored(folder: Path) -> int:
    """Number of answers on disk."""
    with sqlite3.connect(folder / "cache" / "answers.sqlite") as db:
        return int(db.execute("SELECT count(*) FROM answers").fetchone()[0])


@pytest.mark.parametrize("moment", range(5 if FULL else 1))
def test_kill_9_loses_no_answer_that_is_paid_or_under_way(
    world, provider, options, answers, tmp_path, moment
):
    """Killed at any moment, and started again: each request is made once, and accounted for."""
    draw = random.Random(moment)
    slow = 5.0 * (moment % 2 == 0)  # still under way when the run is started again
    enough = COUNT // 5 + 7 * moment
    delay = lambda: slow if provider.answered >= enough else 0.2  # noqa: E731
    provider.answer = lambda r: ProviderReply(answers(r), delay=delay() * draw.random())
    child = start(options, tmp_path, COUNT)
    while provider.answered < enough:
        assert child.poll() is None
        time.sleep(draw.random() * 0.05)
    time.sleep(draw.random() * 0.3)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert provider.answered < COUNT
    slow = 0.0

    again = start(options, tmp_path, COUNT)
    assert again.wait(120) == 0, (again.stderr and again.stderr.read()).decode()
    assert provider.twice() == []
    assert [e.outcome for e in provider.log] == ["answered"] * COUNT
    lines = (tmp_path / "outcomes.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [[n, 4, None] for n in range(COUNT)]
    calls = [c for c in read_calls(tmp_path / "ledger.jsonl") if not c.cached]
    assert len(calls) == len({c.key for c in calls}) == COUNT


def test_ctrl_c_waits_for_what_is_paid(world, provider, options, answers, tmp_path):
    under_way = threading.Event()

    def answer(request):
        if len(provider.log) >= 16:
            under_way.set()
        return ProviderReply(answers(request), delay=1.0)

    provider.answer = answer
    child = start(options, tmp_path, COUNT)
    assert under_way.wait(60)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) != 0
    assert provider.answered == stored(tmp_path) == 16
    assert not [e for e in provider.log if e.outcome == "abandoned"]


def test_no_key_is_found_in_anything_that_is_written(
    world, provider, options, answers, tmp_path, monkeypatch, caplog
):
    """A planted key is sent to the server, and echoed by it in refusals; nothing else has it."""
    monkeypatch.setenv("PLANTED_KEY", KEY)
    options.update(api_key_env="PLANTED_KEY", longest_wait=0.01)

    def answer(request):
        number = len(provider.log)
        if number % 3 == 0:
            return ProviderReply(f"bad key {KEY}", 500)
        if number == 20:
            return ProviderReply(f"Incorrect API key provided: {KEY}", 400)
        return answers(request)

    provider.answer = answer
    child = start(options, tmp_path, 30)
    said = (child.stderr and child.stderr.read()) or b""
    assert child.wait(60) == 0
    assert all(e.headers["authorization"] == f"Bearer {KEY}" for e in provider.log)
    outcomes = (tmp_path / "outcomes.jsonl").read_text()
    assert "[hidden]" in outcomes
    assert "[hidden]" in (tmp_path / "ledger.jsonl").read_text()
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(written) >= 3
    for path in written:
        assert KEY.encode() not in path.read_bytes(), path
    assert KEY.encode() not in said


def test_a_ledger_names_every_attempt(world, provider, options, answers, context, tmp_path):
    provider.answer = faulty(answers, Faults(failing=0.5), seed=3)
    lent = context(path=tmp_path / "ledger.jsonl")
    world.correct(make(options, lent, longest_wait=0.01, attempts=20), world.failures(10))
    lent.ledger.close()
    calls = list(read_calls(tmp_path / "ledger.jsonl"))
    assert len(calls) == len(provider.log)
    for key in {c.key for c in calls}:
        tries = sorted((c for c in calls if c.key == key), key=lambda c: c.attempt)
        assert [c.attempt for c in tries] == list(range(len(tries)))
        assert [c.status for c in tries] == ["error"] * (len(tries) - 1) + ["ok"]
    assert Ledger(tmp_path / "ledger.jsonl").totals == lent.ledger.totals
