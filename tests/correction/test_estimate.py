"""`leap estimate`: figures from the real prompts, nothing sent, nothing written."""

from __future__ import annotations

import json

import pytest

from .test_audit import CONFIG, TOY_PLUGIN

pytest.importorskip("leap_teachers")

ADDRESS = "http://127.0.0.1:9/v1"
SERVER = {
    "teacher.name": "litellm",
    "teacher.options": f"{{model: m, api_base: '{ADDRESS}', prices: {{input: 2, output: 8}}}}",
}


@pytest.fixture
def estimate(leap, plugin_site, tmp_path):
    plugin_site.install("toy", TOY_PLUGIN)
    config = tmp_path / "audited.yaml"
    config.write_text(CONFIG)

    def run(*args, **changes):
        overrides = [word for k, v in changes.items() for word in ("--set", f"{k}={v}")]
        return leap("estimate", str(config), *overrides, *args)

    return run


def test_calls_tokens_and_cost_are_told_and_nothing_is_written(estimate, tmp_path):
    done = estimate("--json", **SERVER)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["calls"], found["trajectories"], found["sampled"]) == (20, 20, 8)
    assert found["prompt_tokens"] > 20 * 500
    price = (found["prompt_tokens"] * 2 + found["answer_tokens"] * 8) / 1e6
    assert found["cost"] == pytest.approx(price, rel=1e-3)
    assert list((tmp_path / "cwd").iterdir()) == []


def test_a_share_of_failing_rollouts_scales_it(estimate):
    half = json.loads(estimate("--json", "--failing", "0.5", **SERVER).stdout)
    assert (half["trajectories"], half["calls"]) == (10, 10)


def test_a_budget_that_will_not_do_is_pointed_out(estimate):
    done = estimate(**SERVER, **{"budget.dollars": 0.001})
    assert "would stop this run on the way" in done.stdout


def test_an_unknown_price_is_unknown(estimate):
    done = estimate(**{**SERVER, "teacher.options": "{model: m, api_base: 'http://h/v1'}"})
    assert "cost" in done.stdout
    assert "unknown" in done.stdout
    assert "$" not in done.stdout


def test_the_oracle_costs_nothing(estimate):
    assert "asks no model: 0 calls" in estimate().stdout


def test_a_missing_key_is_one_sentence(estimate, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = estimate(**{"teacher.name": "litellm", "teacher.options": "{model: gpt-4o}"})
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr
    assert done.stderr.count("\n") == 1
