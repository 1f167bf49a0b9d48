"""`leap audit --sentences`, the labelled reasons that plugins ship, and a judge's second pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leap_core.analysis.sentences import accuracy, judge_of, read_sentences
from leap_core.analysis.verdicts import score_file, shipped_accuracy
from leap_core.config.schema import ComponentConfig
from leap_core.errors import ConfigError, DataError
from leap_core.stages.components import build_environment
from leap_core.testing.provider import Provider, ProviderReply

ENVIRONMENTS = ("alfworld", "webshop", "intercode-bash", "intercode-sql")
LINE = {
    "environment": "alfworld",
    "options": {},
    "split": "train",
    "seed": 0,
}


def shipped(name: str) -> Path:
    path = build_environment(ComponentConfig(name=name)).labelled_reasons()
    assert path is not None
    return path


def lines_of(name: str, half: str) -> list[str]:
    text = shipped(name).read_text(encoding="utf-8").splitlines()
    return [line for line in text if json.loads(line)["half"] == half]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_rules_find_three_leaks_of_four_and_flag_few_honest_reasons(name):
    found = shipped_accuracy(shipped(name))
    print(name, found.as_dict())
    assert (found.leaks, found.honest) == (150, 150)
    assert found.recall is not None and found.recall >= 0.75
    assert found.false_alarms is not None and found.false_alarms <= 0.05


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_labelled_reasons_come_in_many_manners(name):
    rows = [json.loads(line) for line in shipped(name).read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 600
    for label in (0, 1):
        manners = {row["manner"] for row in rows if row["label"] == label}
        assert len(manners) >= 10


def test_labelled_reasons_are_those_that_the_script_writes(tmp_path, monkeypatch):
    """A world that changes must not leave labels behind that are no longer true."""
    from benchmarks.audit_sentences import make

    for _, _, _, package in make.ENVIRONMENTS.values():
        (tmp_path / "plugins" / package / package).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(make, "HERE", tmp_path)
    make.main()
    for name in ENVIRONMENTS:
        (written,) = tmp_path.rglob(f"{name}.jsonl")
        assert written.read_text(encoding="utf-8") == shipped(name).read_text(encoding="utf-8")


def relation_judge(rows: list[str]):
    """A stand-in for a judge: knows for each reason whether it claims the hidden relation."""
    leaks = {row["reason"]: bool(row["label"]) for row in map(json.loads, rows)}

    def answer(body) -> ProviderReply:
        asked = body["messages"][-1]["content"]
        reason = asked.split("THE REASON\n", 1)[1].split("\n", 1)[0]
        return ProviderReply(json.dumps({"why": "it claims it", "leak": leaks[reason]}))

    return answer


def judge(provider: Provider) -> str:
    options = {"model": "hosted_vllm/m", "api_base": provider.base_url}
    return json.dumps({"name": "litellm", "options": options})


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_judge_finds_what_the_rules_miss(name, tmp_path):
    pytest.importorskip("leap_teachers")
    path, rows = tmp_path / "held.jsonl", lines_of(name, "held")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with Provider(relation_judge(rows)) as provider:
        found = accuracy(score_file(path, judge_of(judge(provider))))
        print(name, found.as_dict())
        assert found.recall is not None and found.recall >= 0.95
        assert found.false_alarms is not None and found.false_alarms <= 0.05
        asked = provider.answered
        assert score_file(path, judge_of(judge(provider)))
        assert provider.answered == asked, "the same questions are answered from the cache"


@pytest.mark.parametrize("nonsense", ["bananas", "", '{"leak": "perhaps"}', "leak: true, I think",
                                      '{"leak": true} {"leak": false}', "<think>{"])  # fmt: skip
def test_nonsense_of_a_judge_is_counted_and_no_verdict(leap, tmp_path, nonsense):
    pytest.importorskip("leap_teachers")
    rows = lines_of("intercode-sql", "held")
    picked = [next(r for r in rows if json.loads(r)["label"] == label) for label in (0, 1)]
    path = tmp_path / "two.jsonl"
    path.write_text("\n".join(picked) + "\n", encoding="utf-8")
    with Provider(lambda body: ProviderReply(nonsense)) as provider:
        done = leap("audit", "--sentences", str(path), "--judge", judge(provider), "--json")
    assert done.returncode == 0, done.stderr
    honest, leaking = map(json.loads, done.stdout.splitlines())
    assert (honest["leak"], leaking["leak"]) == (0.0, 0.8)
    assert "verdict" in honest["no_verdict"] or "did not answer" in honest["no_verdict"]
    assert "no verdict of the judge on 2 of 2 reasons" in done.stderr


def test_single_reasons_are_scored_a_line_each(leap, tmp_path):
    pytest.importorskip("leap_alfworld")
    rows = [json.loads(line) for line in lines_of("alfworld", "tune")]
    place = {key: rows[0][key] for key in ("task", "actions", "step")}
    reasons = [rows[0]["reason"], "I look around.", "Is it here?"]
    path = tmp_path / "reasons.jsonl"
    path.write_text(
        "\n".join(json.dumps({**LINE, **place, "reason": r, "note": 7}) for r in reasons)
    )
    done = leap("audit", "--sentences", str(path), "--json")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["reason"] for a in answers] == reasons
    assert [a["leak"] >= 0.5 for a in answers] == [True, False, False]
    assert [bool(a["why"]) for a in answers] == [True, False, False]
    assert all(a["note"] == 7 and a["task"] == place["task"] for a in answers)
    plain = leap("audit", "--sentences", str(path))
    assert plain.stdout.count("honest") == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "no/such/task"}, "line 2: split 'train' has no task 'no/such/task'"),
        ({"environment": "alfwrld"}, "did you mean 'alfworld'"),
        ({"split": "tran"}, "line 2: unknown split 'tran'"),
        ({"step": 3}, "line 2: step 3 comes after 0 actions"),
        ({"step": "x"}, "line 2: key 'step'"),
        ({"options": {"wrong": 1}}, "wrong"),
    ],
)
def test_a_line_that_cannot_be_used_is_one_sentence(leap, tmp_path, change, words):
    pytest.importorskip("leap_alfworld")
    row = json.loads(lines_of("alfworld", "tune")[0]) | {"actions": [], "step": 0}
    path = tmp_path / "reasons.jsonl"
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row | change)}\n")
    done = leap("audit", "--sentences", str(path))
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("line", ["[1]", "{", "7", '{"environment": "alfworld"}', "[" * 100_000])
def test_a_broken_line_is_named(line):
    with pytest.raises(DataError, match="line 1"):
        read_sentences([line], "file")


@pytest.mark.parametrize("given", ["{name: oracle}", "{nme: litellm}", "{name: litellm}"])
def test_a_judge_that_cannot_judge_is_refused(given, tmp_path):
    pytest.importorskip("leap_teachers")
    path = tmp_path / "one.jsonl"
    path.write_text(lines_of("intercode-sql", "tune")[0] + "\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        score_file(path, judge_of(given))
