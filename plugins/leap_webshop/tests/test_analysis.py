"""Text to terms, as Lucene's English analysis has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_webshop.analysis import analyze, words
from leap_webshop.porter import stem

STEMS = {
    "caresses": "caress", "ponies": "poni", "ties": "ti", "cats": "cat", "feed": "feed",
    "agreed": "agre", "plastered": "plaster", "motoring": "motor", "sing": "sing",
    "conflated": "conflat", "sized": "size", "hopping": "hop", "falling": "fall",
    "hissing": "hiss", "failing": "fail", "filing": "file", "happy": "happi", "sky": "sky",
    "relational": "relat", "conditional": "condit", "digitizer": "digit", "sensibiliti": "sensibl",
    "triplicate": "triplic", "hopefulness": "hope", "electrical": "electr", "revival": "reviv",
    "adjustable": "adjust", "adoption": "adopt", "probate": "probat", "rate": "rate",
    "cease": "ceas", "controll": "control", "roll": "roll", "is": "is", "analogies": "analog",
    "possibly": "possibl", "yes": "ye", "generalizations": "gener",
}  # fmt: skip
"""From Porter's paper and Lucene's departures from it ("possibly", "analogies", "is")."""


@pytest.mark.parametrize(("word", "expected"), STEMS.items())
def test_stems(word, expected):
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("men's 3.5mm wi-fi (2-pack)", ["men's", "3.5mm", "wi", "fi", "2", "pack"]),
        ("material:cotton size: 4", ["material:cotton", "size", "4"]),
        ("1,000.50 and 5' 6\"", ["1,000.50", "and", "5", "6"]),
        ("snake_case __init__ ___", ["snake_case", "__init__"]),
        ("caf\u00e9 cafe\u0301 na\u00efve", ["caf\u00e9", "cafe\u0301", "na\u00efve"]),
        ("\u8336\u7897 tea", ["\u8336", "\u7897", "tea"]),
        ("\u30c6\u30a3\u30fc\u30ab\u30c3\u30d7", ["\u30c6\u30a3\u30fc\u30ab\u30c3\u30d7"]),
        ("love \u2764 it", ["love", "\u2764", "it"]),
        ("\u00bd cup", ["cup"]),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_stop_words_and_possessives_go():
    assert analyze("The Women's shoes are for a running man\u2019s feet") == [
        "women", "shoe", "run", "man", "feet",
    ]  # fmt: skip


def test_a_long_word_is_cut():
    assert [len(word) for word in words("x" * 600)] == [255, 255, 90]


@given(st.text(max_size=200))
def test_any_text_can_be_analyzed(text):
    for term in analyze(text):
        assert term
        assert not any(sign.isspace() for sign in term)
