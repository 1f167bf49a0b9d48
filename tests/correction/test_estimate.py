"""`leap estimate`: figures from the real prompts, nothing sent, nothing written."""

from __future__ import annotations

import json

import pytest
import yaml

from leap_core.cli.main import main

pytest.importorskip("leap_teachers")
pytest.importorskip("leap_alfworld")

CONFIG = """
name: estimated
iterations: 2
environment: {name: alfworld, options: {games: small}}
splits: {train: train, validation: valid_unseen}
student: {model: "scripted:explorer"}
demonstrations: {tasks: 0}
rollouts: {tasks: 20, horizon: 10}
privileged: {name: alfworld-simulator}
teacher: {name: oracle}
updater: {name: keep}
"""
ADDRESS = "http://127.0.0.1:9/v1"
SERVER = {
    "teacher.name": "litellm",
    "teacher.options": f"{{model: m, api_base: '{ADDRESS}', prices: {{input: 2, output: 8}}}}",
}


@pytest.fixture
def estimate(tmp_path, monkeypatch, capsys):
    config = tmp_path / "estimated.yaml"
    config.write_text(CONFIG)
    monkeypatch.chdir(tmp_path)

    def run(*args, code=0, **changes):
        overrides = [word for k, v in changes.items() for word in ("--set", f"{k}={v}")]
        assert main(["estimate", str(config), *overrides, *args]) == code
        told = capsys.readouterr()
        return told.err if code else told.out

    return run


def test_calls_tokens_and_cost_are_told_and_nothing_is_written(estimate, tmp_path):
    found = json.loads(estimate("--json", **SERVER))
    assert (found["calls"], found["trajectories"], found["sampled"]) == (40, 40, 8)
    assert found["prompt_tokens"] > 40 * 1000
    price = (found["prompt_tokens"] * 2 + found["answer_tokens"] * 8) / 1e6
    assert found["cost"] == pytest.approx(price, rel=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["estimated.yaml"]


def test_a_share_of_failing_rollouts_scales_it(estimate):
    half = json.loads(estimate("--json", "--failing", "0.5", **SERVER))
    assert (half["trajectories"], half["calls"]) == (20, 20)


def test_a_budget_that_will_not_do_is_pointed_out(estimate):
    assert "would stop this run" in estimate(**SERVER, **{"budget.dollars": 0.001})


def test_an_unknown_price_is_unknown(estimate):
    told = estimate(**{**SERVER, "teacher.options": "{model: m, api_base: 'http://h/v1'}"})
    assert "unknown" in told
    assert "$" not in told


def test_a_known_model_has_the_price_of_the_table(estimate, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing-is-sent")
    options = {"teacher.name": "litellm", "teacher.options": "{model: gpt-4o}"}
    found = json.loads(estimate("--json", **options))
    assert found["cost"] > 0.01


def test_the_oracle_costs_nothing(estimate):
    assert "asks no model: 0 calls" in estimate()


def test_a_missing_key_is_one_sentence(estimate, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    options = {"teacher.name": "litellm", "teacher.options": "{model: gpt-4o}"}
    told = estimate(code=2, **options)
    assert "OPENAI_API_KEY" in told
    assert told.count("\n") == 1


def test_a_key_in_the_configuration_is_refused_and_not_repeated(estimate):
    options = {"teacher.name": "litellm", "teacher.options": "{model: m, api_key: sk-12345678}"}
    told = estimate(code=2, **options)
    assert "api_key_env" in told
    assert "12345678" not in told


def test_a_run_in_several_environments_is_estimated_in_each_and_together(tmp_path, capsys):
    data = {**yaml.safe_load(CONFIG), "budget": {"dollars": 0.001}}
    small = data.pop("environment")
    teacher = {"name": "litellm", "options": {"model": "m", "api_base": ADDRESS}}
    priced = {**teacher, "options": {**teacher["options"], "prices": {"input": 2, "output": 8}}}
    data["environments"] = {
        "few": {**small, "rollouts": {"tasks": 4}, "teacher": priced},
        "many": {**small, "teacher": priced},
    }
    path = tmp_path / "several.yaml"

    def told(*args):
        path.write_text(yaml.safe_dump(data))
        assert main(["estimate", str(path), "--sample", "2", *args]) == 0
        return capsys.readouterr().out

    found = json.loads(told("--json"))
    assert {n: e["calls"] for n, e in found["environments"].items()} == {"few": 8, "many": 40}
    for key in ("calls", "prompt_tokens", "cost"):
        parts = [e[key] for e in found["environments"].values()]
        assert found["total"][key] == pytest.approx(sum(parts))
    text = told()
    assert text.count("would stop this run") == 1
    assert text.index("few:") < text.index("many:") < text.index("together:")
    data["environments"]["few"]["teacher"] = teacher
    assert json.loads(told("--json"))["total"]["cost"] is None
