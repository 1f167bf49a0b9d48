"""Constrained actions can always be executed, whatever the model would have written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_core.config.schema import GenerationConfig
from leap_core.local.constrained import ActionGrammar, ConstrainedReplyState
from leap_core.local.engine import TransformersEngine
from leap_core.local.tiny_student import train_tokenizer
from leap_core.local.tokenization import PromptEncoder
from leap_core.policy.reply import parse_reply
from leap_core.rollout import roll_out
from leap_core.types import Observation, PolicyRef, Trajectory
from tests.support.students import tiny_student, toy, toy_writer

TEXTS = ["REASON: I look.\nACTION: go to desk 1", "ACTION: search[red shoes]", "café, naïve\r\n"]


@pytest.fixture(scope="module")
def guide() -> ActionGrammar:
    return ActionGrammar(PromptEncoder(train_tokenizer(TEXTS * 50, 400, 512)))


def written(guide: ActionGrammar, observation: Observation, limit: int, draws: list[int]) -> str:
    """What a model writes that wants `draws`; each token as `restrict` allows."""
    writer = guide.writer(observation, limit)
    size = len(guide.encoder.tokenizer)
    for count in range(writer.room + 1):
        draw = draws[count % len(draws)]
        logits = (torch.arange(size) * 7919 + draw * 104729) % 1009 * 1.0
        if draw < size:
            logits[draw] = 5000.0  # the drawn token itself, where it is allowed
        token = writer.take(int(writer.restrict(logits).argmax()))
        if token is None:
            assert len(writer.ids) <= writer.room
            return writer.text()
    raise AssertionError("never done")


def asked(guide: ActionGrammar, text: str) -> list[int]:
    return [*guide.encoder.ids(text), guide.encoder.stop[0]]


VISIBLE = st.text(min_size=1, max_size=12).filter(
    lambda t: t == t.strip() and len(t.splitlines()) == 1 and "<" not in t and t < "\ud800"
)


@settings(max_examples=150, deadline=None)
@given(
    candidates=st.lists(VISIBLE, max_size=6),
    templates=st.lists(
        st.sampled_from(["search[<query>]", "say <x>", "put <a> in <b>", "<anything>"]), max_size=2
    ),
    limit=st.integers(1, 40),
    draws=st.lists(st.integers(0, 420), min_size=1, max_size=30),
)
def test_always_executable(guide, candidates, templates, limit, draws) -> None:  # type: ignore[no-untyped-def]
    observation = Observation(text="", candidates=tuple(candidates), templates=tuple(templates))
    text = written(guide, observation, limit, draws)
    if not observation.open_ended:
        assert observation.accepts(parse_reply(text).action), text


@pytest.mark.parametrize("action", ["go to desk 1", "go to desk 12", "look", "search[a red shoe]"])
def test_what_can_be_executed_is_left_as_it_is(guide: ActionGrammar, action: str) -> None:
    observation = Observation(
        text="",
        candidates=("go to desk 1", "go to desk 12", "look"),
        templates=("search[<query>]",),
    )
    text = f"REASON: I want it.\nACTION: {action}"
    assert written(guide, observation, 200, asked(guide, text)) == text


def test_a_reply_without_an_action_gets_one(guide: ActionGrammar) -> None:
    observation = Observation(text="", candidates=("look",))
    text = written(guide, observation, 200, asked(guide, "REASON: nothing to do"))
    assert text == "REASON: nothing to do\nACTION: look"


def test_what_is_not_listed_becomes_what_is(guide: ActionGrammar) -> None:
    observation = Observation(text="", candidates=("go to desk 1", "go to bed 2"))
    text = written(guide, observation, 200, asked(guide, "ACTION: go to the moon"))
    assert parse_reply(text).action in observation.candidates


def test_a_line_in_the_reason_is_not_the_action(guide: ActionGrammar) -> None:
    """An ACTION inside a line is a word like any other."""
    observation = Observation(text="", candidates=("look", "wait"))
    text = "REASON: the ACTION: is clear\nACTION: wait"
    assert written(guide, observation, 200, asked(guide, text)) == text


def test_unrestricted_where_any_action_may_be_tried(guide: ActionGrammar) -> None:
    assert not isinstance(guide.writer(Observation(text="a shell"), 20), ConstrainedReplyState)


def play(student: PolicyRef, generation: GenerationConfig, in_flight: int) -> list[Trajectory]:
    played: list[Trajectory] = []
    engine = TransformersEngine(student, generation)
    roll_out(toy(), engine, toy_writer(), toy().tasks("valid")[:8], seed=0, in_flight=in_flight,
             on_trajectory=played.append)  # fmt: skip
    return played


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_an_untrained_student_acts(tmp_path: Path, temperature: float) -> None:
    student = PolicyRef(kind="transformers", model=str(tiny_student(tmp_path / "untrained")))
    hot = GenerationConfig(temperature=temperature, max_new_tokens=16, constrained=True)
    together = play(student, hot, 8)
    assert all(s.observation.accepts(s.action) for t in together for s in t.steps)
    assert sum(t.malformed for t in together) == 0
    assert [t.steps for t in play(student, hot, 1)] == [t.steps for t in together]


def test_a_student_that_acts_well_is_not_changed(student: PolicyRef) -> None:
    free = play(student, GenerationConfig(temperature=0, max_new_tokens=40), 8)
    bound = play(student, GenerationConfig(temperature=0, max_new_tokens=40, constrained=True), 8)
    compared = 0
    for a, b in zip(free, bound, strict=True):
        for one, other in zip(a.steps, b.steps, strict=False):
            if not one.observation.accepts(one.action):
                break
            assert one.action == other.action
            compared += 1
    assert compared > 10
