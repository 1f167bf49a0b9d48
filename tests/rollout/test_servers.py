"""Rollouts by model servers: real HTTP, servers that go, come back, refuse, or talk nonsense."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leap_core.config.schema import ExecutorConfig, GenerationConfig, ServerConfig
from leap_core.errors import ConfigError, PolicyError
from leap_core.policy.server_engine import ServerEngine, addresses
from leap_core.rollout import EpisodeLog, Scheduler, assignments, build_executor
from leap_core.testing.provider import Faults, Provider, ProviderReply, faulty
from leap_core.types import PolicyRef, Trajectory
from tests.support.rollouts import play, toy
from tests.support.server_replies import prompt_of, search
from tests.support.students import toy_writer

LOCAL = ExecutorConfig(name="local")
GREEDY = GenerationConfig(temperature=0, max_new_tokens=40)
AWAY = 20.0 if os.environ.get("LEAP_FULL") else 1.0
"""Seconds that a server is gone."""


def engine(*providers: Provider, model: str = "", **settings: Any) -> ServerEngine:
    urls = ",".join(p.base_url for p in providers)
    return ServerEngine(
        PolicyRef(kind="server", model=model, base_url=urls), GREEDY, ServerConfig(**settings)
    )


@pytest.fixture(scope="module")
def expected() -> list[Trajectory]:
    return play(toy(), LOCAL)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(search) as running:
        yield running


def over(*providers: Provider, **options: Any) -> list[Trajectory]:
    asked = engine(*providers, **options)
    try:
        return play(toy(), LOCAL, engine=asked)
    finally:
        asked.close()


def asked_of(provider: Provider) -> list[dict[str, Any]]:
    return [e.request for e in provider.log if e.path.endswith("/chat/completions")]


def test_a_server_plays_like_the_policy_that_it_serves(
    provider: Provider, expected: list[Trajectory]
) -> None:
    assert over(provider) == expected
    body = asked_of(provider)[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("test", 0, 40)
    seeds = [b["seed"] for b in asked_of(provider)]
    assert len(set(seeds)) == len(seeds)


def test_tokens_are_counted(provider: Provider) -> None:
    asked = engine(provider)
    play(toy(), LOCAL, engine=asked, tasks=2)
    asked.close()
    said = [e.reply.text for e in provider.log if e.reply is not None and e.reply.text]
    assert asked.tokens == sum(len(text.split()) for text in said)


def test_consecutive_prompts_of_an_episode_share_all_but_the_branch(provider: Provider) -> None:
    asked = engine(provider)
    played = play(toy(), LOCAL, engine=asked, in_flight=1)
    asked.close()
    writer, prompts = toy_writer(), iter([prompt_of(r) for r in asked_of(provider)])
    for trajectory in played:
        shared = ""
        for step in trajectory.steps:
            prompt, branch = next(prompts), writer.branch(step.observation)
            assert prompt.startswith(shared) and prompt.endswith(branch)
            trunk = prompt.removesuffix(branch)
            assert len(trunk) > len(shared)
            shared = trunk
    assert next(prompts, None) is None
    assert max(len(t.steps) for t in played) > 4


def test_an_episode_stays_with_its_server_and_all_servers_work(
    expected: list[Trajectory],
) -> None:
    turns: list[tuple[str, bool]] = []

    def named(name: str) -> Any:
        def answer(request: dict[str, Any]) -> str:
            turns.append((name, "\n> " not in prompt_of(request)))
            return search(request)

        return answer

    with Provider(named("a")) as first, Provider(named("b")) as second:
        asked = engine(first, second)
        assert play(toy(), LOCAL, engine=asked, in_flight=1) == expected
        asked.close()
    episodes: list[set[str]] = []
    for name, begins in turns:
        if begins:
            episodes.append(set())
        episodes[-1].add(name)
    assert len(episodes) == 12
    assert all(len(names) == 1 for names in episodes)
    assert set().union(*episodes) == {"a", "b"}


def test_when_one_server_goes_the_others_take_over(expected: list[Trajectory]) -> None:
    with Provider(search) as first:
        second = Provider(search)
        second.__enter__()
        gone = threading.Event()

        def go(count: int, scheduler: object) -> None:
            if count == 3 and not gone.is_set():
                gone.set()
                second.__exit__()

        asked = engine(first, second, patience=20)
        assert play(toy(), LOCAL, engine=asked, after=go) == expected
        asked.close()
        assert asked_of(second)


def test_a_server_that_is_gone_for_a_while_is_waited_for(expected: list[Trajectory]) -> None:
    first = Provider(search)
    first.__enter__()
    back: list[Provider] = []

    def return_later() -> None:
        time.sleep(AWAY)
        back.append(Provider(search, port=first.port))
        back[0].__enter__()

    helper = threading.Thread(target=return_later)

    def go(count: int, scheduler: object) -> None:
        if count == 3:
            first.__exit__()
            helper.start()

    asked = engine(first, patience=AWAY + 30)
    try:
        assert play(toy(), LOCAL, engine=asked, after=go) == expected
    finally:
        asked.close()
        helper.join()
        back[0].__exit__()
    assert asked_of(back[0])


def test_a_server_that_stays_away_stops_the_run_and_it_resumes(
    tmp_path: Path, expected: list[Trajectory]
) -> None:
    path, environment = tmp_path / "rollouts.jsonl", toy()
    plan = assignments(environment.tasks("train")[:12], [0])

    def play_on(provider: Provider, stop_after: int | None) -> int:
        log = EpisodeLog(path, plan)
        missing = log.missing()
        asked = engine(provider, patience=0.5)

        def keep(assignment: Any, trajectory: Trajectory) -> None:
            log.keep(assignment, trajectory)
            if log.done == stop_after:
                provider.__exit__()

        executor = build_executor(LOCAL, environment, 6)
        try:
            Scheduler(executor, asked, toy_writer(), in_flight=6).play(missing, keep)
        finally:
            asked.close()
        return len(missing)

    with pytest.raises(PolicyError) as stopped:
        first = Provider(search)
        first.__enter__()
        play_on(first, 5)
    assert "run the same command again to go on" in str(stopped.value)
    assert "\n" not in str(stopped.value)
    done = EpisodeLog(path, plan).done
    assert 5 <= done < 12
    with Provider(search) as again:
        assert play_on(again, None) == 12 - done
    assert list(EpisodeLog(path, plan).records) == expected
    assert [p.name for p in tmp_path.iterdir()] == ["rollouts.jsonl"]


def test_hard_times_change_nothing(expected: list[Trajectory]) -> None:
    faults = Faults(rate_limited=0.1, failing=0.1, hanging=0.03, cut_off=0.1)
    with Provider(faulty(search, faults, seed=1)) as shaky:
        assert over(shaky, timeout=0.5) == expected
        assert {e.outcome for e in shaky.log} >= {"answered", "refused", "cut off"}


GARBAGE = [b"<html>busy</html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": 3}]}']


def test_garbage_is_asked_for_again(expected: list[Trajectory]) -> None:
    left = list(GARBAGE)
    with Provider(
        lambda request: ProviderReply(body=left.pop()) if left else search(request)
    ) as odd:
        assert over(odd) == expected
    assert not left


def test_nothing_but_garbage_ends_with_one_sentence() -> None:
    with (
        Provider(lambda request: ProviderReply(body=GARBAGE[0])) as odd,
        pytest.raises(PolicyError, match="what it sends is no chat completion: '<html>busy"),
    ):
        over(odd, patience=0.5)


def test_nonsense_from_the_model_is_data() -> None:
    with Provider(lambda request: "Sure! I'd be glad to help.") as odd:
        played = over(odd)
    assert {t.outcome for t in played} == {"failure"}
    assert all(t.malformed == len(t.steps) == 8 for t in played)


def test_a_prompt_that_the_server_refuses_costs_its_episode() -> None:
    def refusing(request: dict[str, Any]) -> ProviderReply | str:
        if prompt_of(request).count("\n> ") == 3:
            return ProviderReply("the prompt is too long", status=400)
        return search(request)

    with Provider(refusing) as strict:
        played = over(strict)
    errors = {t.error for t in played if t.outcome == "error"}
    assert len(errors) == 1 and "refuses this prompt (400)" in str(errors.pop())
    assert any(t.succeeded for t in played)
    assert all(len(t.steps) == 3 for t in played if t.outcome == "error")


def test_a_key_is_sent_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret-123")
    with Provider(lambda request: ProviderReply("bad key", status=401)) as locked:
        with pytest.raises(PolicyError) as refused:
            over(locked, api_key_env="MY_KEY")
        assert locked.log[-1].headers["authorization"] == "Bearer sk-secret-123"
    assert "refuses (401)" in str(refused.value)
    assert "sk-secret" not in str(refused.value)
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(ConfigError, match="'MY_KEY'"):
        over(locked, api_key_env="MY_KEY")


def test_a_model_that_is_not_there_is_named(provider: Provider) -> None:
    with pytest.raises(PolicyError, match=r"unknown model 'tset'.*did you mean 'test'"):
        engine(provider, model="tset")


def test_no_server_at_all_is_said_at_once() -> None:
    with Provider(search) as gone:
        pass
    began = time.monotonic()
    with pytest.raises(PolicyError, match="no model server answers at http://127"):
        engine(gone, patience=60)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("text", ["", "host:8000/v1", "http://me:secret@host/v1"])
def test_addresses_that_cannot_be_used_are_refused(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        addresses(text)
    assert "secret" not in str(refused.value)
