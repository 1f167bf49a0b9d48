"""Guesses at replies: they may be wrong, and never change what is written."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Qwen2Config, Qwen2ForCausalLM

from leap_core.local.decoding.base import TokenizedPrompt
from leap_core.local.decoding.llama import LlamaModel
from leap_core.local.decoding.prefix_cache import PrefixCacheDecoder
from leap_core.local.speculation import MOST, NGramSpeculator

STOP = 0
REPLY = [5, 6, 7, 8, 9, 5, 6, 7, 8, 11]


def taught(*replies: list[int]) -> NGramSpeculator:
    drafts = NGramSpeculator([STOP])
    for reply in replies:
        drafts.learn([*reply, STOP], 0, 0)
    return drafts


def test_what_was_said_before_is_guessed_from_its_beginning_to_its_end():
    drafts = taught(REPLY)
    assert drafts.guess([], MOST) == REPLY[:MOST]
    assert drafts.guess(REPLY[:4], MOST) == REPLY[4 : 4 + MOST]
    assert drafts.guess(REPLY, MOST) == []
    assert drafts.guess(REPLY[:4], 2) == REPLY[4:6]


def test_the_last_reply_counts():
    drafts = taught(REPLY, [5, 6, 7, 8, 12])
    assert drafts.guess([5, 6, 7, 8], 1) == [12]


def test_the_unknown_is_not_guessed():
    assert NGramSpeculator([STOP]).guess([], MOST) == []
    assert taught(REPLY).guess([21, 22, 23, 24], MOST) == []


def test_where_guesses_fail_only_beginnings_are_guessed():
    drafts = taught(REPLY)
    drafts.learn([*REPLY, STOP], 100, 10)
    assert drafts.guess(REPLY[:1], MOST) == REPLY[1 : 1 + MOST]
    assert drafts.guess(REPLY[:4], MOST) == []
    drafts.learn([*REPLY, STOP], 100, 90)
    assert drafts.guess(REPLY[:4], MOST) == REPLY[4 : 4 + MOST]


@given(st.lists(st.lists(st.integers(1, 3), max_size=30), max_size=5), st.integers(0, 12))
def test_a_guess_is_never_longer_than_asked_for(replies, most):
    drafts = taught(*replies)
    for reply in replies:
        for length in range(len(reply) + 1):
            guess = drafts.guess(reply[:length], most)
            assert len(guess) <= min(most, MOST)
            assert STOP not in guess


@pytest.fixture(scope="module")
def model() -> Qwen2ForCausalLM:
    sizes = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
        return Qwen2ForCausalLM(Qwen2Config(**sizes, **heads)).eval()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_ragged_chunks_give_the_models_own_logits_and_can_be_taken_back(model, data):
    """Rows go on at their own pace, take tokens back, and end early."""
    token = st.integers(1, 96)
    texts = data.draw(st.lists(st.lists(token, min_size=2, max_size=40), min_size=1, max_size=4))
    with torch.inference_mode():
        decoder = PrefixCacheDecoder(LlamaModel(model))
        turns = [TokenizedPrompt(str(i), text[:-1], text[-1:]) for i, text in enumerate(texts)]
        group, room = decoder.start(turns, 12), [12] * len(texts)
        rows = list(range(len(texts)))
        while rows := [row for row in rows if room[row] and data.draw(st.integers(0, 5))]:
            chunks = [
                data.draw(st.lists(token, min_size=1, max_size=min(4, room[row]))) for row in rows
            ]
            logits = iter(group.feed(rows, chunks))
            for row, chunk in zip(rows, chunks, strict=True):
                texts[row] = texts[row] + chunk
                own = model(input_ids=torch.tensor([texts[row]])).logits[0, -len(chunk) :]
                for expected in own:
                    assert torch.allclose(next(logits), expected, atol=1e-4)
                wrong = data.draw(st.integers(0, len(chunk) - 1))
                if wrong:
                    group.cut(row, wrong)
                    texts[row] = texts[row][:-wrong]
                room[row] -= len(chunk) - wrong
