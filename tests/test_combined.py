"""`leap run` with one student in several environments."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Leap, PluginSite
from tests.support.toy_run import KILLER, TOY, lines, records

CONFIG: dict[str, Any] = {
    "name": "both",
    "iterations": 2,
    "environments": {
        "toy": {},
        "wide": {"name": "toy", "options": {"boxes": 9}, "rollouts": {"tasks": 4},
                 "splits": {"test": None}},
    },
    "splits": {"train": "train", "validation": "valid", "test": "test"},
    "student": {"model": "scripted:first-box"},
    "demonstrations": {"tasks": 3},
    "rollouts": {"tasks": 6, "in_flight": 3},
    "privileged": {"name": "toy-coin"},
    "teacher": {"name": "oracle"},
    "updater": {"name": "keep"},
    "evaluation": {"tasks": 5, "test_tasks": 5},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, plugin_site: PluginSite) -> Path:
    plugin_site.install("toy", TOY)
    plugin_site.install("killer", KILLER)
    path = tmp_path / "cwd"
    path.mkdir(exist_ok=True)
    write(path, {})
    return path


def write(folder: Path, changes: dict[str, Any]) -> None:
    (folder / "both.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))


def test_every_environment_has_its_own_records_and_scores(leap: Leap, folder: Path) -> None:
    done = leap("run", "both.yaml")
    assert done.returncode == 0, done.stderr
    assert "success of toy" in done.stdout and "success of wide" in done.stdout
    run = folder / "runs/both"
    toy, wide = (run / "environments" / name for name in ("toy", "wide"))
    assert len(lines(toy / "iterations/01/rollouts.jsonl")) == 6
    assert len(lines(wide / "iterations/01/rollouts.jsonl")) == 4
    example = lines(wide / "iterations/02/examples.jsonl")[0]
    assert example["environment"] == "wide" and "boxes 1 to 9" in str(example["prompt"])
    assert (toy / "iterations/00/test.json").exists()
    assert not (wide / "iterations/00/test.json").exists()
    # The student learned from both, all of them, in each iteration.
    counts = [
        len(lines(place / f"iterations/0{i}/examples.jsonl"))
        for place in (toy, wide)
        for i in range(3)
    ]
    assert lines(run / "iterations/02/metrics.jsonl") == [{"values": {"examples": sum(counts)}}]


def test_an_environments_folder_serves_the_other_commands(leap: Leap, folder: Path) -> None:
    leap("run", "both.yaml")
    wide = "runs/both/environments/wide"
    scored = leap("evaluate", wide, "--split", "valid", "--limit", "5", "--json")
    assert scored.returncode == 0, scored.stderr
    recorded = json.loads((folder / wide / "iterations/00/evaluation.json").read_text())
    assert json.loads(scored.stdout)["overall"] == recorded["overall"]
    whole = leap("evaluate", "runs/both")
    assert whole.returncode == 2
    assert f"name one of: runs/both/environments/toy, {wide}" in whole.stderr
    told = leap("report", "runs/both")
    assert told.returncode == 0, told.stderr
    assert "# Run toy" in told.stdout and "# Run wide" in told.stdout
    assert (folder / wide / "report.html").exists()


def test_a_combined_run_killed_at_any_write_ends_like_an_unbroken_one(
    leap: Leap, folder: Path
) -> None:
    leap("run", "both.yaml", "--runs", "whole")
    whole = records(folder / "whole/both")
    writes = sum(len(text.splitlines()) for name, text in whole.items() if ".jsonl" in name)
    for point in (writes // 3, 2 * writes // 3):
        leap("run", "both.yaml", "--runs", f"k{point}", env={"LEAP_KILL_AT": str(point)})
        resumed = leap("run", "both.yaml", "--runs", f"k{point}")
        assert resumed.returncode == 0, resumed.stderr
        assert records(folder / f"k{point}/both") == whole, f"killed at write {point}"


def test_a_changed_environment_is_refused(leap: Leap, folder: Path) -> None:
    leap("run", "both.yaml")
    other = leap("run", "both.yaml", "--set", "environments.wide.rollouts.tasks=5")
    assert other.returncode == 2
    assert "environments/wide' is already in use with another configuration" in other.stderr
    write(folder, {"environments": {"toy": {}}})
    fewer = leap("run", "both.yaml")
    assert fewer.returncode == 2 and "with other environments" in fewer.stderr


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"environment": {"name": "toy"}}, "'environment' and 'environments' exclude each other"),
        ({"environments": []}, "holds no environments"),
        ({"environments": {"toi": {}}}, "unknown environment 'toi'; did you mean 'toy'?"),
        ({"environments": {"toy": {"rollout": {}}}}, "'rollout'; did you mean 'rollouts'?"),
        ({"environments": {"toy": {"student": {}}}}, "environment 'toy': unknown key 'student'"),
        (
            {"environments": {"toy": {"rollouts": {"taks": 3}}}},
            "environment 'toy': unknown key 'rollouts.taks'; did you mean 'tasks'?",
        ),
        ({"environments": {"a/b": {"name": "toy"}}}, "a label is made of letters"),
    ],
)
def test_a_bad_environment_is_one_sentence_and_writes_nothing(
    leap: Leap, folder: Path, changes: dict[str, Any], sentence: str
) -> None:
    write(folder, changes)
    refused = leap("run", "both.yaml")
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (folder / "runs").exists()


def test_other_commands_refuse_a_configuration_of_several(leap: Leap, folder: Path) -> None:
    refused = leap("describe", "both.yaml", "--out", "described.jsonl")
    assert refused.returncode == 2 and "run in several environments" in refused.stderr


@pytest.mark.skipif(find_spec("leap_alfworld") is None, reason="leap-alfworld is not installed")
def test_one_tiny_student_learns_in_two_environments(leap: Leap, folder: Path) -> None:
    alfworld = {
        "options": {"games": "small", "welcome": False},
        "privileged": {"name": "alfworld-simulator"},
        "teacher": {"level": 2},
        "splits": {"validation": "valid_seen", "test": None},
        "demonstrations": {"kind": "planner"},
        "layout": {"opening": "{{ observation }}\n", "branch": "What next?\n"},
    }
    sft = {
        "batch_size": 2, "learning_rate": 3.0e-3, "lora": None, "sharing": "trunk",
        "start": "previous", "environment_share": 0.5, "logging_steps": 1,
    }  # fmt: skip
    sizes = {"hidden_size": 32, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate_size": 64,
             "vocabulary": 400, "max_length": 2048}  # fmt: skip
    write(
        folder,
        {
            "iterations": 1,
            "environments": {"toy": {"teacher": {"level": 4}}, "alfworld": alfworld},
            "student": {
                "model": "tiny",
                "options": sizes,
                "generation": {"temperature": 0.0, "max_new_tokens": 12},
            },
            "demonstrations": {"tasks": 8},
            "rollouts": {"tasks": 3, "horizon": 3},
            "updater": {"name": "sft", "options": sft},
            "evaluation": {"tasks": 2, "test_tasks": 2},
        },
    )
    done = leap("run", "both.yaml")
    assert done.returncode == 0, done.stderr
    assert "no environment has over 50% of the examples" in done.stderr
    assert "pi_1 in toy" in done.stderr and "pi_1 in alfworld" in done.stderr
    run = folder / "runs/both"
    for name, level in (("toy", 4), ("alfworld", 2)):
        place = run / "environments" / name
        corrections = lines(place / "iterations/01/corrections.jsonl")
        assert corrections and {c["level"] for c in corrections} == {level}
        assert json.loads((place / "iterations/01/evaluation.json").read_text())["overall"]
    assert (run / "iterations/01/policy/model.safetensors").exists()
    losses = [
        m["values"]["loss"]  # type: ignore[index]
        for m in lines(run / "iterations/00/metrics.jsonl")
        if "loss" in m["values"]  # type: ignore[operator]
    ]
    assert losses[-1] < losses[0]


METERED = """
from leap_core import Call, Engine, Section, hookimpl

LEAP_API_VERSION = 2

class Metered(Engine):
    Options = Section

    def __init__(self, options, model, context):
        self.ledger = context.ledger

    def reply(self, requests):
        for request in requests:
            with self.ledger.reserve_now(10, 0.0) as reservation:
                reservation.settle(Call("policy", "metered", prompt_tokens=9, completion_tokens=1))
        return ["REASON: it may be here\\\\nACTION: open box 1"] * len(requests)

@hookimpl
def leap_register_policy_engines(register):
    register("metered", "metered_plugin:Metered", "counts ten tokens a reply")
"""


def test_a_budget_is_one_for_all_environments_and_the_report_shows_their_calls(
    leap: Leap, folder: Path, plugin_site: PluginSite
) -> None:
    plugin_site.install("metered", METERED)
    write(folder, {"student": {"model": "metered:x"}, "budget": {"tokens": 600}})
    done = leap("run", "both.yaml")
    assert done.returncode != 0
    assert "stopped before the budget of 600 tokens" in done.stderr
    run = folder / "runs" / "both"
    calls = lines(run / "ledger.jsonl")
    used = sum(int(c["prompt_tokens"]) + int(c["completion_tokens"]) for c in calls)  # type: ignore[call-overload]
    assert 0 < used <= 600
    assert list(run.glob("environments/*/ledger.jsonl")) == []
    assert "metered" in leap("report", "runs/both").stdout
