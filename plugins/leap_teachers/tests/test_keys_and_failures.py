"""Keys stay out of words; failures are read for what they mean."""

from __future__ import annotations

import random
import time
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from leap_core import ConfigError
from leap_teachers.failures import Failure, read_failure
from leap_teachers.keys import api_key, check_key, redact
from leap_teachers.options import ClientOptions

SERVER = {"model": "m", "api_base": "http://127.0.0.1:1/v1"}


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: sk-abcdefgh12345678.",
        "Authorization: Bearer abcdefgh12345678",
        "your key hf_abcdefgh12345678 is bad",
        "planted: my-own-kind-of-key",
    ],
)
def test_what_is_or_looks_like_a_key_is_hidden(said, monkeypatch):
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "my-own-kind-of-key")
    hidden = redact(said)
    assert "[hidden]" in hidden
    assert "12345678" not in hidden
    assert "my-own-kind" not in hidden


def test_plain_words_are_left_alone(monkeypatch):
    monkeypatch.setenv("EMPTY_API_KEY", "")
    monkeypatch.setenv("SHORT_API_KEY", "none")
    text = "none of the 3 tasks asked skipped"
    assert redact(text) == text


def test_a_named_variable_holds_the_key(monkeypatch):
    monkeypatch.setenv("MINE", "k-1")
    assert api_key(ClientOptions(**SERVER, api_key_env="MINE")) == "k-1"
    monkeypatch.delenv("MINE")
    with pytest.raises(ConfigError, match="'MINE'"):
        api_key(ClientOptions(**SERVER, api_key_env="MINE"))


def test_no_key_of_the_environment_goes_to_a_server_of_ones_own(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    assert api_key(ClientOptions(**SERVER)) == "none"


def test_a_missing_key_names_its_variable(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        check_key(ClientOptions(model="gpt-4o"))


@pytest.mark.parametrize(
    "written",
    [
        {"api_key": "sk-12345678"},
        {"parameters": {"api_key": "sk-12345678"}},
        {"parameters": {"extra_headers": {"x": "sk-12345678"}}},
        {"api_base": "http://user:sk-12345678@host/v1"},
    ],
)
def test_a_key_in_the_configuration_is_refused_without_repeating_it(written):
    with pytest.raises(ConfigError) as refused:
        ClientOptions(**{"model": "m", **written})
    assert "api_key_env" in str(refused.value)
    assert "12345678" not in str(refused.value)


def refusal(status: int, **headers: str) -> Exception:
    """An exception as litellm raises it over one of httpx."""

    class HTTPStatusError(Exception):
        response = SimpleNamespace(status_code=status)

    error = RuntimeError("slow down")
    error.__cause__ = HTTPStatusError()
    error.litellm_response_headers = headers  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers, seconds):
    assert read_failure(refusal(429, **headers)).retry_after == seconds


def test_retry_after_a_date_to_come():
    date = formatdate(time.time() + 86_400, usegmt=True)
    assert 80_000 < read_failure(refusal(429, **{"Retry-After": date})).retry_after < 90_000


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (401, False), (404, False), (408, True), (409, True),
                          (422, False), (429, True), (500, True), (503, True), (529, True)]
)  # fmt: skip
def test_what_heals_is_tried_again(status, again):
    failure = read_failure(refusal(status))
    assert (failure.status, failure.again, failure.lost) == (status, again, False)


def test_a_bug_is_not_tried_again_and_may_have_been_billed():
    failure = read_failure(AttributeError("'NoneType' object has no attribute 'choices'"))
    assert (failure.again, failure.lost) == (False, True)
    assert failure.words.startswith("AttributeError")


def test_pauses_grow_have_jitter_and_keep_to_retry_after():
    draw = random.Random(0)
    plain = Failure("", 500, again=True, lost=False)
    pauses = [[plain.pause(n, 60.0, draw) for _ in range(50)] for n in range(10)]
    for n, drawn in enumerate(pauses):
        assert all(min(60, 0.5 * 2**n) / 2 <= p <= min(60, 0.5 * 2**n) for p in drawn)
        assert len(set(drawn)) > 40
    told = Failure("", 429, again=True, lost=False, retry_after=9.0)
    assert all(9.0 <= told.pause(n, 60.0, draw) <= 11.0 for n in range(10))
