"""`leap run` on the toy environment: Algorithm 1, its records, and going on after kill -9."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Leap, PluginSite
from tests.support.toy_run import CONFIG, KILLER, TOY, lines, records


@pytest.fixture
def folder(tmp_path: Path, plugin_site: PluginSite) -> Path:
    plugin_site.install("toy", TOY)
    plugin_site.install("killer", KILLER)
    path = tmp_path / "cwd"
    path.mkdir(exist_ok=True)
    write_config(path, {})
    return path


def write_config(folder: Path, changes: dict[str, object]) -> None:
    (folder / "toy.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))


def test_a_run_records_every_stage(leap: Leap, folder: Path) -> None:
    done = leap("run", "toy.yaml")
    assert done.returncode == 0, done.stderr
    assert "pi_0" in done.stdout and "best policy" in done.stdout
    first = folder / "runs/toy/iterations/01"
    rollouts, corrections = lines(first / "rollouts.jsonl"), lines(first / "corrections.jsonl")
    assert len(rollouts) == 7
    failed = {r["task"]["id"] for r in rollouts if r["outcome"] == "failure"}
    assert failed and {c["task_id"] for c in corrections} == failed
    assert len(lines(first / "examples.jsonl")) == len(corrections)
    assert json.loads((first / "evaluation.json").read_text())["overall"]["tasks"] == 5
    assert (folder / "runs/toy/config.yaml").exists()


def test_later_iterations_play_other_tasks(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    played = [
        {r["task"]["id"] for r in lines(folder / f"runs/toy/iterations/0{i}/rollouts.jsonl")}
        for i in (1, 2)
    ]
    assert not played[0] & played[1]


def test_the_same_seed_gives_the_same_run(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml", "--runs", "a")
    leap("run", "toy.yaml", "--runs", "b")
    assert records(folder / "a/toy") == records(folder / "b/toy")
    leap("run", "toy.yaml", "--runs", "c", "--set", "seed=1")
    assert records(folder / "c/toy") != records(folder / "a/toy")


def test_a_finished_run_does_nothing_again(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    events = (folder / "runs/toy/events.jsonl").read_text()
    again = leap("run", "toy.yaml")
    assert again.returncode == 0 and "best policy" in again.stdout
    assert (folder / "runs/toy/events.jsonl").read_text() == events


def test_a_run_killed_at_any_write_ends_like_an_unbroken_one(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml", "--runs", "whole")
    whole = records(folder / "whole/toy")
    writes = sum(len(text.splitlines()) for name, text in whole.items() if ".jsonl" in name)
    points = range(2, writes, max(1, writes // 8))
    killed = 0
    for point in points:
        died = leap("run", "toy.yaml", "--runs", f"k{point}", env={"LEAP_KILL_AT": str(point)})
        killed += died.returncode == -9
        resumed = leap("run", "toy.yaml", "--runs", f"k{point}")
        assert resumed.returncode == 0, resumed.stderr
        assert records(folder / f"k{point}/toy") == whole, f"killed at write {point}"
    assert killed > len(points) // 2


def test_repeats_of_a_correction_are_left_out_and_counted(leap: Leap, folder: Path) -> None:
    write_config(folder, {"teacher": {"name": "oracle", "repeats": 1}})
    done = leap("run", "toy.yaml")
    assert "repeat others word for word: left out" in done.stderr
    first = folder / "runs/toy/iterations/01"
    replies = [(e["task_id"], e["reply"]) for e in lines(first / "examples.jsonl")]
    assert len(replies) == len(set(replies))
    assert len(replies) < len(lines(first / "corrections.jsonl"))


def test_the_control_learns_from_demonstrations_alone(leap: Leap, folder: Path) -> None:
    write_config(folder, {"learn_from": "demonstrations", "teacher": None, "privileged": None})
    done = leap("run", "toy.yaml")
    assert done.returncode == 0, done.stderr
    first = folder / "runs/toy/iterations/01"
    assert len(lines(first / "demonstrations.jsonl")) == 7
    assert not (first / "rollouts.jsonl").exists() and not (first / "corrections.jsonl").exists()


def test_a_task_whose_environment_fails_is_recorded(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    name = lines(folder / "runs/toy/iterations/01/rollouts.jsonl")[2]["task"]["id"]
    broken = {"environment": {"name": "toy", "options": {"failing": [name]}}}
    write_config(folder, broken)
    done = leap("run", "toy.yaml", "--name", "broken")
    assert done.returncode == 0, done.stderr
    played = lines(folder / "runs/broken/iterations/01/rollouts.jsonl")
    assert len(played) == 7
    assert [(p["outcome"], p["error"]) for p in played if p["task"]["id"] == name] == [
        ("error", "the toy broke")
    ]


def test_secrets_stay_with_the_teacher(leap: Leap, folder: Path) -> None:
    canary = "canary-5f2a"
    write_config(folder, {"privileged": {"name": "toy-coin", "options": {"canary": canary}}})
    assert leap("run", "toy.yaml").returncode == 0
    written = records(folder / "runs/toy")
    holders = [name for name, text in written.items() if canary in text]
    assert holders == ["config.yaml"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"environment": {"name": "toi"}}, "unknown environment 'toi'; did you mean 'toy'?"),
        ({"teacher": {"name": "orakle"}}, "unknown teacher 'orakle'; did you mean 'oracle'?"),
        ({"updater": {"name": "sfd"}}, "unknown updater 'sfd'; did you mean 'sft'?"),
        ({"rollout": {"tasks": 3}}, "unknown key 'rollout'; did you mean 'rollouts'?"),
        ({"rollouts": {"taks": 3}}, "unknown key 'rollouts.taks'; did you mean 'tasks'?"),
        ({"iterations": "many"}, "key 'iterations'"),
        ({"environment": {"name": "toy", "options": {"boxs": 3}}}, "did you mean 'boxes'?"),
        ({"splits": {"train": "trian", "validation": "valid"}}, "did you mean 'train'?"),
        ({"student": {"model": "./nowhere/model"}}, "no model there"),
        ({"student": {"model": "scripted:first"}}, "unknown scripted policy 'first'"),
        ({"demonstrations": {"kind": "long"}}, "unknown kind of demonstration 'long'"),
        ({"privileged": None}, "'privileged' is missing"),
        ({"student": {"model": "tiny-base"}}, "ships no pre-trained student"),
    ],
)
def test_a_bad_configuration_is_one_sentence_and_writes_nothing(
    leap: Leap, folder: Path, changes: dict[str, object], sentence: str
) -> None:
    write_config(folder, changes)
    refused = leap("run", "toy.yaml")
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (folder / "runs").exists()


def test_a_name_in_use_with_another_configuration_is_refused(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    before = records(folder / "runs/toy")
    refused = leap("run", "toy.yaml", "--set", "rollouts.tasks=3")
    assert refused.returncode == 2
    assert "another configuration (it differs in: rollouts.tasks)" in refused.stderr
    assert records(folder / "runs/toy") == before


def test_a_run_goes_on_with_another_budget(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    again = leap("run", "toy.yaml", "--set", "budget.dollars=9", "--set", "teacher.concurrency=2")
    assert again.returncode == 0, again.stderr
    assert "dollars: 9" in (folder / "runs/toy/config.yaml").read_text()


def test_a_missing_key_is_said_before_anything_is_written(leap: Leap, folder: Path) -> None:
    write_config(folder, {"teacher": {"name": "litellm", "options": {"model": "gpt-4o"}}})
    refused = leap("run", "toy.yaml", env={"OPENAI_API_KEY": ""})
    assert refused.returncode == 2
    assert "OPENAI_API_KEY" in refused.stderr
    assert not (folder / "runs").exists()


TALKER = """
from leap_core import Proposal, Section, Teacher, TeacherReply, hookimpl

LEAP_API_VERSION = 2

class Talker(Teacher):
    Options = Section

    async def correct(self, trajectory, states, brief):
        return TeacherReply(proposals=())

    async def explain(self, trajectory, brief):
        said = [
            Proposal(step=t, reason=f"because {t}", action=s.action)
            for t, s in enumerate(trajectory.steps)
        ]
        return TeacherReply(proposals=tuple(said))

@hookimpl
def leap_register_teachers(register):
    register("talker", "talker_plugin:Talker", "explains")
"""


def test_the_teacher_may_write_the_reasons_of_demonstrations(
    leap: Leap, folder: Path, plugin_site: PluginSite
) -> None:
    plugin_site.install("talker", TALKER)
    shown = {"tasks": 3, "reasons": "teacher"}
    write_config(folder, {"teacher": {"name": "talker"}, "demonstrations": shown})
    done = leap("run", "toy.yaml")
    assert done.returncode == 0, done.stderr
    assert "no corrections" in done.stderr
    recorded = lines(folder / "runs/toy/iterations/00/demonstrations.jsonl")
    assert [s["reason"] for s in recorded[0]["steps"]] == ["because 0", "because 1"]
    write_config(folder, {"demonstrations": shown})
    own = leap("run", "toy.yaml", "--name", "oracle")
    assert "3 demonstrations keep their reasons" in own.stderr


def test_an_unreadable_run_folder_is_refused(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    (folder / "runs/toy/config.yaml").write_text("[:")
    refused = leap("run", "toy.yaml")
    assert refused.returncode == 2
    assert "not a readable run folder" in refused.stderr


def test_a_damaged_record_is_named(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    path = folder / "runs/toy/iterations/01/rollouts.jsonl"
    path.write_text("{}\n" + path.read_text())
    refused = leap("run", "toy.yaml")
    assert refused.returncode == 2
    assert "rollouts.jsonl' line 1 is not a Trajectory record" in refused.stderr


def test_evaluate_scores_a_run_or_a_scripted_policy(leap: Leap, folder: Path) -> None:
    leap("run", "toy.yaml")
    of_run = leap("evaluate", "runs/toy", "--split", "valid", "--limit", "5", "--json")
    assert of_run.returncode == 0, of_run.stderr
    recorded = json.loads((folder / "runs/toy/iterations/00/evaluation.json").read_text())
    assert json.loads(of_run.stdout)["overall"] == recorded["overall"]
    alone = leap("evaluate", "--environment", "toy", "--policy", "scripted:search",
                 "--set", "splits.validation=valid", "--json")  # fmt: skip
    assert json.loads(alone.stdout)["overall"]["success"] == 1.0
