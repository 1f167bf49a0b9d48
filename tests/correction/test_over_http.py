"""Whole commands against a real HTTP server whose answers the oracle makes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from leap_core import Brief, Ledger, TeacherContext
from leap_core.correction import CorrectionSettings, correct_trajectories
from leap_core.testing.provider import Provider, ProviderReply
from leap_core.testing.toy import ToyEnvironment, ToyOptions, ToySource

from .test_audit import TOY_PLUGIN, walk

pytest.importorskip("leap_teachers")

CONFIG = """
iterations: 2
environment: {name: toy, options: {boxes: 5}}
splits: {train: train, validation: valid}
student: {model: "scripted:first-box"}
demonstrations: {tasks: 0}
rollouts: {tasks: 15}
privileged: {name: toy}
teacher: {name: oracle}
updater: {name: keep}
evaluation: {tasks: 2}
"""


@pytest.fixture
def oracle_server():
    from leap_teachers.testing import OracleAnswers

    environment = ToyEnvironment(ToyOptions())
    source = ToySource(ToySource.Options(), environment)
    answers = OracleAnswers(environment, source, environment.tasks("train"))
    with Provider(answers) as provider:
        yield provider


@pytest.fixture
def run(leap, plugin_site, tmp_path):
    plugin_site.install("toy", TOY_PLUGIN)
    config = tmp_path / "toy.yaml"
    config.write_text(CONFIG)

    def start(command, *args, env=None, **changes):
        overrides = [word for k, v in changes.items() for word in ("--set", f"{k}={v}")]
        return leap(command, str(config), *overrides, *args, env=env)

    return start


def over_http(provider: Provider, **more: str) -> dict[str, str]:
    options = {"model": "hosted_vllm/m", "api_base": provider.base_url, **more}
    return {"teacher.name": "litellm", "teacher.options": json.dumps(options)}


def corrections(folder: Path, iteration: int) -> list[dict[str, object]]:
    text = (folder / f"iterations/{iteration:02d}/corrections.jsonl").read_text()
    found = [json.loads(line) for line in text.splitlines()]
    for each in found:
        del each["teacher"]
    return found


def test_a_run_taught_over_http_has_the_corrections_of_the_oracle(run, oracle_server, tmp_path):
    assert run("run", "--name", "direct").returncode == 0
    done = run("run", "--name", "http", **over_http(oracle_server))
    assert done.returncode == 0, done.stderr
    runs = tmp_path / "cwd" / "runs"
    for iteration in (1, 2):
        direct = corrections(runs / "direct", iteration)
        assert len(direct) > 20
        assert corrections(runs / "http", iteration) == direct
    assert oracle_server.twice() == []
    before = len(oracle_server.log)
    assert run("run", "--name", "again", **over_http(oracle_server)).returncode == 0
    assert len(oracle_server.log) == before, "a second run is answered from the cache"


def test_a_run_that_its_budget_stopped_goes_on_with_a_larger_one(run, oracle_server, tmp_path):
    """With an answer's size stated, so that a reservation does not fill the whole budget."""
    answers = oracle_server.answer
    oracle_server.answer = lambda r: ProviderReply(
        answers(r), prompt_tokens=900, completion_tokens=100
    )
    options = {
        "model": "hosted_vllm/m",
        "api_base": oracle_server.base_url,
        "max_tokens": 100,
        "structured": "off",
    }
    taught = {"teacher.name": "litellm", "teacher.options": json.dumps(options)}
    assert run("run", "--name", "direct").returncode == 0
    stopped = run("run", "--name", "poor", **taught, **{"budget.tokens": 5_500})
    assert stopped.returncode == 1
    assert "raise the budget and run again to go on" in stopped.stderr
    paid = oracle_server.answered
    assert 0 < paid * 1000 <= 5_500
    done = run("run", "--name", "poor", **taught, **{"budget.tokens": 10_000_000})
    assert done.returncode == 0, done.stderr
    assert oracle_server.answered > paid and oracle_server.twice() == []
    runs = tmp_path / "cwd" / "runs"
    for iteration in (1, 2):
        assert corrections(runs / "poor", iteration) == corrections(runs / "direct", iteration)


def test_a_planted_key_reaches_the_server_and_no_file(run, leap, oracle_server, tmp_path):
    key = "sk-planted-0123456789abcdef"
    answers = oracle_server.answer

    def moody(request):
        bad = len(oracle_server.log) % 4 == 1
        return ProviderReply(f"Invalid key {key}", 400) if bad else answers(request)

    oracle_server.answer = moody
    options = over_http(oracle_server, api_key_env="PLANTED_KEY")
    done = run("run", "--name", "keyed", "--debug", env={"PLANTED_KEY": key}, **options)
    assert done.returncode == 0, done.stderr
    audit, report = leap("audit", "runs/keyed"), leap("report", "runs/keyed")
    assert (audit.returncode, report.returncode) == (0, 0)
    for told in (done, audit, report):
        assert key not in told.stdout + told.stderr
    assert oracle_server.log[0].headers["authorization"] == f"Bearer {key}"
    files = [p for p in (tmp_path / "cwd").rglob("*") if p.is_file()]
    assert len(files) > 10
    assert not [p for p in files if key.encode() in p.read_bytes()]


def test_demonstrations_are_described_once(run, oracle_server, tmp_path):
    told = {"task": "t", "optimal_action_sequence": ["open box 1"], "essential_objects": []}
    oracle_server.answer = lambda request: json.dumps(told)
    options = over_http(oracle_server)
    args = ("--out", "states.jsonl", "--limit", "5")
    for _ in range(2):
        done = run("describe", *args, **options)
        assert done.returncode == 0, done.stderr
        assert "5 tasks are described in states.jsonl" in done.stdout
    assert oracle_server.answered <= 5
    lines = (tmp_path / "cwd" / "states.jsonl").read_text().splitlines()
    assert len({json.loads(line)["task_id"] for line in lines}) == 5


@pytest.mark.parametrize("level", [3, 5])
def test_alfworld_corrections_over_http_are_those_of_the_oracle(tmp_path, level):
    module = pytest.importorskip("leap_alfworld.environment")
    from leap_alfworld.privileged import SimulatorSource, SourceOptions
    from leap_teachers.litellm_teacher import LitellmOptions, LitellmTeacher
    from leap_teachers.oracle import OracleOptions, OracleTeacher
    from leap_teachers.testing import OracleAnswers

    environment = module.AlfworldEnvironment(module.AlfworldEnvironment.Options())
    source = SimulatorSource(SourceOptions(), environment)
    tasks = environment.tasks("train")[:8]
    walks = [walk(environment, task, n, length=12) for n, task in enumerate(tasks)]
    lent = TeacherContext(environment=environment, ledger=Ledger(), cache_dir=tmp_path)

    def corrected(teacher):
        outcomes = []

        async def run():
            await correct_trajectories(
                walks,
                source=source,
                teacher=teacher,
                brief=Brief(level=level, rules=environment.guidance),
                settings=CorrectionSettings(leak_policy="keep"),
                on_outcome=outcomes.append,
            )
            await teacher.aclose()

        asyncio.run(run())
        return [outcome.corrections for outcome in outcomes]

    with Provider(OracleAnswers(environment, source, tasks, level)) as provider:
        options = LitellmOptions(model="hosted_vllm/m", api_base=provider.base_url)
        over_http = corrected(LitellmTeacher(options, lent))
    assert over_http == corrected(OracleTeacher(OracleOptions(), lent))
    assert sum(map(len, over_http)) > 80


def judged_by(provider: Provider) -> dict[str, str]:
    options = {"model": "hosted_vllm/judge", "api_base": provider.base_url}
    return {"teacher.audit": json.dumps({"judge": {"name": "litellm", "options": options}})}


def test_a_judge_drops_what_it_calls_a_leak(run, tmp_path):
    """It is asked once about each correction, through the run's ledger."""
    with Provider(lambda body: ProviderReply('{"why": "it knows", "leak": true}')) as judge:
        done = run("run", "--name", "judged", iterations=1, **judged_by(judge))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "cwd" / "runs" / "judged"
    assert corrections(folder, 1) == []
    rejected = (folder / "iterations/01/rejected.jsonl").read_text().splitlines()
    assert len(rejected) > 10
    assert all("it leaks (score 0.90)" in line for line in rejected)
    ledger = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    assert {call["purpose"] for call in ledger} == {"judge"}


def test_a_judge_that_answers_nonsense_is_counted_and_changes_nothing(run, tmp_path):
    assert run("run", "--name", "rules", iterations=1).returncode == 0
    with Provider(lambda body: ProviderReply("bananas")) as judge:
        done = run("run", "--name", "judged", iterations=1, **judged_by(judge))
    assert done.returncode == 0, done.stderr
    assert "no verdict of the leak audit on" in done.stdout + done.stderr
    runs = tmp_path / "cwd" / "runs"
    assert corrections(runs / "judged", 1) == corrections(runs / "rules", 1) != []


def test_a_judge_that_cannot_be_reached_is_one_sentence(run):
    options = {"model": "hosted_vllm/judge", "api_base": "http://127.0.0.1:9/v1", "attempts": 1}
    judge = json.dumps({"judge": {"name": "litellm", "options": options}})
    done = run("run", "--name", "judged", iterations=1, **{"teacher.audit": judge})
    assert done.returncode != 0
    assert "cannot reach http://127.0.0.1:9/v1" in done.stderr
    assert "Traceback" not in done.stderr
