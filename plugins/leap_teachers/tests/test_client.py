"""The client against a real HTTP server: nothing lost, nothing paid twice, nothing overspent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from leap_core import BudgetExceeded, ConfigError, Ledger, TeacherError
from leap_core.runs.ledger import SpendingLimit
from leap_core.testing.provider import ProviderReply
from leap_teachers.client import Client
from leap_teachers.model_io import Message, ModelRequest
from leap_teachers.options import ClientOptions

QUESTION = ModelRequest("test", (Message("user", "How are you today?"),), max_tokens=10)


class Asked:
    """A client that is asked some questions, with its ledger."""

    def __init__(
        self, options: dict[str, Any], tmp_path: Any, budget: SpendingLimit | None = None
    ) -> None:
        self.ledger = Ledger(budget=budget)
        self.options = ClientOptions(**options)
        self.folder = tmp_path

    def ask(self, *requests: ModelRequest) -> list[Any]:
        """Answers, or the exceptions in their place."""

        async def run() -> list[Any]:
            client = Client(self.options, self.ledger, self.folder)
            try:
                asking = (client.ask(request) for request in requests)
                return await asyncio.gather(*asking, return_exceptions=True)
            finally:
                await client.aclose()

        return asyncio.run(run())


def numbered(n: int) -> ModelRequest:
    return ModelRequest("test", (Message("user", f"What is {n} and {n}?"),), max_tokens=10)


def test_an_answer_is_counted_priced_and_cached(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("fine", prompt_tokens=1000, completion_tokens=500)
    asked = Asked(options, tmp_path)
    (first,), (again,) = asked.ask(QUESTION), asked.ask(QUESTION)
    assert (first.text, again.text) == ("fine", "fine")
    assert first.usage.cost == pytest.approx((1000 * 1 + 500 * 2) / 1e6)
    assert (again.usage.calls, again.usage.cached_calls, again.usage.cost) == (0, 1, 0.0)
    totals = asked.ledger.totals
    assert (provider.answered, totals.calls, totals.cached, totals.prompt_tokens) == (1, 1, 1, 1000)


def test_an_unknown_price_is_unknown(provider, options, tmp_path):
    del options["prices"]
    asked = Asked(options, tmp_path)
    assert asked.ask(QUESTION)[0].usage.cost is None
    assert asked.ledger.totals.usage.cost is None


@pytest.mark.parametrize(
    "change",
    [
        {"sample": 1},
        {"max_tokens": 11},
        {"temperature": 0.9},
        {"messages": (Message("user", "?"),)},
    ],
)
def test_another_request_is_another_answer(provider, options, tmp_path, change):
    asked = Asked(options, tmp_path)
    asked.ask(QUESTION)
    asked.ask(replace(QUESTION, **change))
    assert provider.answered == 2


def test_equal_requests_under_way_share_one_answer(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("fine", delay=0.2)
    asked = Asked(options, tmp_path)
    answers = asked.ask(*[QUESTION] * 10)
    assert {a.text for a in answers} == {"fine"}
    assert (provider.answered, asked.ledger.totals.cached) == (1, 9)


@pytest.mark.parametrize(
    ("bad", "lost"),
    [
        (ProviderReply("slow down", 429, {"Retry-After": "0"}), 0),
        (ProviderReply("broken", 500), 0),
        (ProviderReply("away", 503), 0),
        (ProviderReply("half " * 50, cut=0.5), 1),
        (ProviderReply("late", delay=30), 1),
        (ProviderReply(body=b"<html>"), 1),
    ],
    ids=["429", "500", "503", "cut off", "time-out", "not JSON"],
)
def test_what_can_heal_is_tried_again(provider, options, tmp_path, bad, lost):
    provider.answer = lambda r: bad if len(provider.log) < 3 else ProviderReply("fine")
    asked = Asked({**options, "timeout": 1.0, "longest_wait": 0.1}, tmp_path)
    assert asked.ask(QUESTION)[0].text == "fine"
    totals = asked.ledger.totals
    assert (totals.calls, totals.lost, totals.errors) == (1, 2 * lost, 2 * (1 - lost))
    assert (totals.at_most_tokens > 0) == bool(lost)


@pytest.mark.parametrize("status", [400, 422])
def test_what_cannot_heal_is_not(provider, options, tmp_path, status):
    provider.answer = lambda r: ProviderReply("no such parameter", status)
    error = Asked(options, tmp_path).ask(QUESTION)[0]
    assert isinstance(error, TeacherError)
    assert len(provider.log) == 1


def test_a_used_up_quota_does_not_heal(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("You exceeded your current quota", 429)
    assert isinstance(Asked(options, tmp_path).ask(QUESTION)[0], TeacherError)
    assert len(provider.log) == 1


@pytest.mark.parametrize(("status", "words"), [(401, "API key"), (404, "no such model")])
def test_a_refused_key_or_model_stops_everything(provider, options, tmp_path, status, words):
    provider.answer = lambda r: ProviderReply("never", status)
    error = Asked(options, tmp_path).ask(QUESTION)[0]
    assert isinstance(error, ConfigError)
    assert words in str(error)


def test_a_server_that_is_not_there_is_named(options, tmp_path):
    options.update(api_base="http://127.0.0.1:9/v1", attempts=2, longest_wait=0.0)
    error = Asked(options, tmp_path).ask(QUESTION)[0]
    assert isinstance(error, ConfigError)
    assert "cannot reach http://127.0.0.1:9/v1" in str(error)


def test_attempts_are_bounded(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("broken", 500)
    asked = Asked({**options, "attempts": 3, "longest_wait": 0.01}, tmp_path)
    assert "after 3 attempt(s)" in str(asked.ask(QUESTION)[0])
    assert (len(provider.log), asked.ledger.totals.errors) == (3, 3)


def test_retry_after_beyond_patience_is_given_up(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("tomorrow", 429, {"Retry-After": "86400"})
    assert "86400 s" in str(Asked(options, tmp_path).ask(QUESTION)[0])
    assert len(provider.log) == 1


def test_concurrency_is_limited(provider, options, tmp_path):
    under_way, most = 0, 0

    def answer(request):
        return ProviderReply("fine", delay=0.05)

    provider.answer = answer
    asked = Asked({**options, "concurrency": 3}, tmp_path)
    original = Client._send

    async def counted(self, request, key):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await original(self, request, key)
        finally:
            under_way -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "_send", counted)
        asked.ask(*map(numbered, range(12)))
    assert (provider.answered, most) == (12, 3)


def test_a_budget_stops_below_it_and_raising_it_goes_on(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("fine", prompt_tokens=20, completion_tokens=10)
    requests = [numbered(n) for n in range(40)]
    asked = Asked(options, tmp_path, SpendingLimit(money=20 * 40 / 1e6))
    answers = asked.ask(*requests)
    stopped = [a for a in answers if isinstance(a, BudgetExceeded)]
    assert 0 < len(stopped) < 40
    assert "raise the budget" in str(stopped[0])
    assert asked.ledger.totals.cost <= 20 * 40 / 1e6
    paid = provider.answered

    asked.ledger.budget = SpendingLimit(money=1.0)
    assert all(a.text == "fine" for a in asked.ask(*requests))
    assert provider.answered == 40
    assert provider.twice() == []
    assert paid == 40 - len(stopped)


def test_a_budget_in_money_without_a_price_is_refused_before_anything(provider, options, tmp_path):
    del options["prices"]
    with pytest.raises(ConfigError, match="price of model"):
        Asked(options, tmp_path, SpendingLimit(money=1.0)).ask(QUESTION)
    assert provider.log == []
    assert list(tmp_path.iterdir()) == []


def test_use_that_the_server_does_not_report_counts_at_its_worst(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("fine", prompt_tokens=0, completion_tokens=0)
    asked = Asked(options, tmp_path)
    assert asked.ask(QUESTION)[0].usage.cost is None
    assert asked.ledger.totals.at_most_tokens > 10


def test_an_answer_cut_at_its_limit_says_so(provider, options, tmp_path):
    provider.answer = lambda r: ProviderReply("fi", finish_reason="length")
    asked = Asked(options, tmp_path)
    assert [asked.ask(QUESTION)[0].complete for _ in range(2)] == [False, False]


def test_a_schema_is_sent_only_where_it_is_wanted(provider, options, tmp_path):
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    request = ModelRequest("test", QUESTION.messages, 10, schema=schema)
    Asked(options, tmp_path).ask(request)
    Asked({**options, "structured": "on"}, tmp_path).ask(request)
    assert "response_format" not in provider.log[0].request
    assert provider.log[1].request["response_format"]["json_schema"]["schema"] == schema


def test_parameters_reach_the_server(provider, options, tmp_path):
    Asked({**options, "parameters": {"seed": 7}}, tmp_path).ask(QUESTION)
    sent = provider.log[0].request
    assert (sent["seed"], sent["max_tokens"], sent["temperature"]) == (7, 10, 0.3)
