"""The audit over many corrections, and over runs from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

import pytest

from leap_core import Brief, Step, Trajectory
from leap_core.correction import CorrectionOutcome, CorrectionSettings, correct_trajectories
from leap_core.correction.audit import audit, leak_rates, worst_examples
from tests.support import boxes as toy

GAMES = 200 if os.environ.get("LEAP_FULL") else 20

CONFIG = """
name: audited
iterations: 1
environment: {name: toy, options: {boxes: 5}}
splits: {train: train, validation: valid}
student: {model: "scripted:first-box"}
demonstrations: {tasks: 0}
rollouts: {tasks: 20}
privileged: {name: toy, options: {canary: "A zebra keeps it."}}
teacher: {name: oracle, level: 5, leaks: keep}
updater: {name: keep}
evaluation: {tasks: 2}
"""
TOY_PLUGIN = """
    from leap_core import hookimpl
    LEAP_API_VERSION = 2

    @hookimpl
    def leap_register_environments(register):
        register("toy", "leap_core.testing.toy:ToyEnvironment", "A toy")

    @hookimpl
    def leap_register_privileged_sources(register):
        register("toy", "leap_core.testing.toy:ToySource", "A toy")
"""


def corrected(trajectories, source, teacher, level) -> list[CorrectionOutcome]:
    outcomes: list[CorrectionOutcome] = []
    asyncio.run(
        correct_trajectories(
            trajectories,
            source=source,
            teacher=teacher,
            brief=Brief(level=level),
            settings=CorrectionSettings(leak_policy="drop" if level < 5 else "keep"),
            on_outcome=outcomes.append,
        )
    )
    return outcomes


def test_dropped_leaks_are_audited_with_those_that_were_kept():
    from leap_core import Teacher, TeacherReply

    class Expert(Teacher):
        def __init__(self):
            pass

        async def correct(self, trajectory, states, brief):
            return TeacherReply(proposals=tuple(toy.BoxExpert().correct(trajectory, states, 5)))

    source = toy.BoxSource(toy.Options(), toy.environment())
    failed = toy.failures(5)
    outcomes = corrected(failed, source, Expert(), 3)
    audited = list(
        audit(
            (c for o in outcomes for c in o.corrections),
            (r for o in outcomes for r in o.rejections),
            failed,
            source,
            level=3,
        )
    )
    rate = leak_rates(audited, 0.5)[3]
    assert (rate.count, rate.leaking, rate.dropped, rate.rate, rate.mean) == (20, 20, 20, 1.0, 1.0)
    assert len(worst_examples(audited, 3)) == 3
    assert len({w.worst.secret for w in worst_examples(audited, 9)}) == 5


def test_levels_of_privilege_show_in_the_leak_rate(capsys):
    """Oracle corrections of random walks in generated ALFWorld games: ~0, ~0, high."""
    pytest.importorskip("leap_teachers")
    environment_module = pytest.importorskip("leap_alfworld.environment")
    from leap_alfworld.privileged import SimulatorSource, SourceOptions
    from leap_core import Ledger, TeacherContext
    from leap_teachers.oracle import OracleOptions, OracleTeacher

    environment = environment_module.AlfworldEnvironment(
        environment_module.AlfworldEnvironment.Options()
    )
    source = SimulatorSource(SourceOptions(), environment)
    walks = [
        walk(environment, task, n) for n, task in enumerate(environment.tasks("train")[:GAMES])
    ]
    teacher = OracleTeacher(
        OracleOptions(),
        TeacherContext(environment=environment, ledger=Ledger(), cache_dir=Path("nowhere")),
    )
    rates = {}
    for level in (1, 3, 5):
        outcomes = corrected(walks, source, teacher, level)
        audited = audit(
            (c for o in outcomes for c in o.corrections),
            (r for o in outcomes for r in o.rejections),
            walks,
            source,
            level,
        )
        rates[level] = leak_rates(audited, 0.5)[level]
    print({level: (r.count, f"{100 * r.rate:.1f} %") for level, r in rates.items()})
    assert rates[1].rate == 0.0
    assert rates[3].rate < 0.01
    assert rates[5].rate > 0.3


def walk(environment, task, seed: int, length: int = 15) -> Trajectory:
    draw, episode = random.Random(seed), environment.open(task, 0)
    observation, steps = episode.reset(), []
    for _ in range(length):
        steps.append(
            Step(
                observation=observation,
                reason="Let me see.",
                action=draw.choice(observation.candidates),
            )
        )
        transition = episode.step(steps[-1].action)
        observation = transition.observation
        if transition.terminated:
            break
    return Trajectory(task=task, steps=tuple(steps), final=observation.text)


@pytest.fixture
def run(leap, plugin_site, tmp_path):
    """A finished run of the toy, whose teacher tells everything."""
    plugin_site.install("toy", TOY_PLUGIN)
    config = tmp_path / "audited.yaml"
    config.write_text(CONFIG)
    done = leap("run", str(config))
    assert done.returncode == 0, done.stderr
    return "runs/audited"


def test_leap_audit_prints_rates_and_the_worst(leap, run):
    done = leap("audit", run)
    assert done.returncode == 0, done.stderr
    assert "100.0 %" in done.stdout
    assert "outright: coin is in box " in done.stdout
    assert "log-likelihoods need a model in this process" in done.stdout


def test_leap_audit_json(leap, run):
    done = leap("audit", run, run, "--json", "--worst", "1", "--no-likelihoods")
    first, second = json.loads(done.stdout)
    assert first == second
    assert first["rates"]["5"]["rate"] == 1.0
    assert first["rates"]["5"]["count"] > 50
    assert len(first["worst"]) == 1
    assert first["notes"] == []


def test_demonstrations_and_exports_are_audited_too(leap, plugin_site, tmp_path):
    plugin_site.install("toy", TOY_PLUGIN)
    config = tmp_path / "audited.yaml"
    config.write_text(CONFIG.replace("demonstrations: {tasks: 0}", "demonstrations: {tasks: 4}"))
    assert leap("run", str(config)).returncode == 0
    exported = leap("export", "runs/audited", "rows.jsonl", "--examples", "sft")
    assert exported.returncode == 0, exported.stderr
    done = leap("audit", "runs/audited", "--export", "rows.jsonl", "--json", "--no-likelihoods")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    shown, rows = told["demonstrations"], told["exported"]
    assert shown["count"] >= 4
    assert rows["count"] == shown["count"] + told["rates"]["5"]["count"]
    assert rows["leaking"] == shown["leaking"] + told["rates"]["5"]["leaking"]


@pytest.mark.parametrize("line", ["{}", "[]", "no json", '{"completion": [], "task_id": 1}'])
def test_a_row_that_was_not_exported_is_named(leap, run, tmp_path, line):
    (tmp_path / "cwd" / "rows.jsonl").write_text(f"{line}\n")
    done = leap("audit", run, "--export", "rows.jsonl", "--no-likelihoods")
    assert done.returncode == 2
    assert "'rows.jsonl', line 1 is no row of `leap export --examples`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [(), ("runs/x", "--sentences", "f"), ("runs/x", "--judge", "m"),
              ("--sentences", "f", "--export", "g"), ("a", "b", "--export", "g")]
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(leap, words):
    done = leap("audit", *words)
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("--set", "iterations=0", "--set", "teacher=null", "--set", "privileged=null"),
            "no teacher",
        ),
        (None, "is not a readable run folder"),
    ],
)
def test_what_cannot_be_audited_is_said(leap, plugin_site, tmp_path, change, words):
    plugin_site.install("toy", TOY_PLUGIN)
    config = tmp_path / "audited.yaml"
    config.write_text(CONFIG)
    if change:
        assert leap("run", str(config), *change).returncode == 0
    done = leap("audit", "runs/audited")
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
