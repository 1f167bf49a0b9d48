"""What comes after the rules of the leak audit: a judge, or the student's likelihood."""

from __future__ import annotations

import asyncio

import pytest

from leap_core import (
    Brief,
    BudgetExceeded,
    ConfigError,
    Fact,
    Judgement,
    PolicyRef,
    PrivilegedState,
    Proposal,
    Teacher,
    TeacherError,
    TeacherReply,
    Usage,
)
from leap_core.config.schema import TeacherConfig
from leap_core.correction import CorrectionOutcome, CorrectionSettings, correct_trajectories
from leap_core.correction.second_pass import JudgePass
from leap_core.policy.prompt import PromptRenderer
from leap_core.stages import likelihood_pass
from leap_core.stages.likelihood_pass import LikelihoodPass, states_to_swap
from tests.support import boxes as toy


class Expert(Teacher):
    """Gives one reason for every step."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def correct(self, trajectory, states, brief):
        key = trajectory.task.data["key"]
        reason = self.reason.format(key=key)
        return TeacherReply(
            proposals=tuple(
                Proposal(step=t, reason=reason, action=f"open box {key}")
                for t in brief.steps or range(len(trajectory.steps))
            )
        )


class Judge(Teacher):
    """Answers every question alike; keeps what it was asked."""

    def __init__(self, answer: Judgement | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, str]] = []

    async def correct(self, trajectory, states, brief):
        raise AssertionError("a judge does not correct")

    async def judge(self, history, state, reason, action):
        self.asked.append((history, state.text, reason))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def corrected(reason: str, second, policy: str = "drop") -> list[CorrectionOutcome]:
    outcomes: list[CorrectionOutcome] = []
    asyncio.run(
        correct_trajectories(
            toy.failures(2, length=2),
            source=toy.BoxSource(toy.Options(), toy.environment()),
            teacher=Expert(reason),
            brief=Brief(level=3),
            settings=CorrectionSettings(leak_policy=policy),
            on_outcome=outcomes.append,
            second=second,
        )
    )
    return outcomes


def test_a_judge_finds_what_no_rule_knows():
    usage = Usage(calls=1, prompt_tokens=5, cost=0.5)
    judge = Judge(Judgement(leaks=True, why="it says so in German", usage=usage))
    (first, _) = corrected("Der Schlüssel liegt genau dort.", JudgePass(judge))
    assert first.corrections == ()
    assert [r.why for r in first.rejections] == ["it leaks (score 0.90)"] * 2
    assert first.usage.cost == 1.0
    assert first.measures == {"audited": 2.0, "audit_without_verdict": 0.0}
    history, state, reason = judge.asked[0]
    assert "There are 5 boxes." in history
    assert state == "The key is in box 1."
    assert reason == "Der Schlüssel liegt genau dort."


def test_a_judge_clears_what_the_rules_only_suspect():
    judge = Judge(Judgement(leaks=False))
    (first, _) = corrected("The brass key, as a rule, stays in box {key}.", JudgePass(judge))
    assert [c.leak for c in first.corrections] == [0.0, 0.0]


def test_what_is_told_outright_is_not_asked_about():
    judge = Judge(Judgement(leaks=False))
    (first, _) = corrected("The brass key lies in box {key}.", JudgePass(judge))
    assert (first.corrections, judge.asked) == ((), [])


@pytest.mark.parametrize(
    "answer", [Judgement(leaks=None, why="bananas"), TeacherError("the server is gone")]
)
def test_without_a_verdict_the_rules_stand_and_it_is_counted(answer):
    (first, _) = corrected("Opening a new box may help.", JudgePass(Judge(answer)))
    assert [c.leak for c in first.corrections] == [0.0, 0.0]
    assert first.measures["audit_without_verdict"] == 2.0
    assert len(first.problems) == 2
    assert "bananas" in first.problems[0] or "the server is gone" in first.problems[0]


def test_a_spent_budget_ends_the_stage():
    with pytest.raises(BudgetExceeded):
        corrected("Opening a new box may help.", JudgePass(Judge(BudgetExceeded("spent"))))


class WordCounting:
    """Stands in for a model: a reply is as likely as its prompt holds its words."""

    @classmethod
    def log_likelihoods(cls, policy, examples):
        return [
            sum(word in e.prompt.text.split() for word in e.reply.split()) - len(e.reply.split())
            for e in examples
        ]


def test_a_reason_that_hangs_on_the_hidden_state_is_suspect(monkeypatch):
    monkeypatch.setattr(likelihood_pass, "engine_of", lambda policy: WordCounting)
    environment = toy.environment()
    source = toy.BoxSource(toy.Options(), environment)
    swaps = states_to_swap(source, toy.failures(3))
    assert list(swaps) == ["box-0", "box-1"]
    renderer = PromptRenderer(environment.layout(), 5)
    student = PolicyRef(kind="transformers", model="m")
    second = LikelihoodPass(student, renderer, swaps, threshold=0.5)
    leaky = corrected("Go where {key}. is the number.", second)
    assert [len(o.corrections) for o in leaky] == [0, 0]
    honest = corrected("A box that was not tried may help.", second)
    assert [len(o.corrections) for o in honest] == [2, 2]


def test_likelihood_needs_another_task_and_a_model_in_process():
    student = PolicyRef(kind="transformers", model="m")
    renderer = PromptRenderer(toy.environment().layout(), 5)
    (first, _) = corrected("A try.", LikelihoodPass(student, renderer, {}))
    assert first.measures["audit_without_verdict"] == 2.0
    server = PolicyRef(kind="server", model="m", base_url="http://localhost:1/v1")
    with pytest.raises(ConfigError, match="needs a student in this process"):
        LikelihoodPass(server, renderer, {})


@pytest.mark.parametrize(
    ("given", "judge", "likelihood"),
    [
        ("rules", None, None),
        ("likelihood", None, 0.5),
        ({"likelihood": 1.5}, None, 1.5),
        ({"judge": "gpt-4o"}, "litellm", None),
        ({"judge": {"name": "self"}}, "self", None),
    ],
)
def test_the_audit_is_chosen_in_the_configuration(given, judge, likelihood):
    chosen = TeacherConfig(name="oracle", audit=given).audit
    assert (chosen.judge and chosen.judge.name, chosen.likelihood) == (judge, likelihood)


@pytest.mark.parametrize(
    "given", ["judge", {"judge": "m", "likelihood": 1}, {"juge": "m"}, {"likelihood": 0}]
)
def test_a_wrong_choice_is_refused(given):
    with pytest.raises(ValueError, match="audit"):
        TeacherConfig(name="oracle", audit=given)


def test_facts_survive_being_written():
    from pydantic import TypeAdapter

    adapter = TypeAdapter(PrivilegedState)
    fact = Fact(kind="place", subject=("mug",), value=("cabinet 1",), hint=("cabinet",))
    state = PrivilegedState(text="t", secrets=("plain", fact))
    assert adapter.validate_json(adapter.dump_json(state)) == state
