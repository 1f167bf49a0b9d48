"""The search finds what Lucene finds, and pruning changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_webshop.analysis import analyze
from leap_webshop.bm25 import average_length, decode_length, denominators, encode_length, weight
from leap_webshop.generator import Generator
from leap_webshop.index import Index
from leap_webshop.indexing import block, merge

WORDS = "red green mug cup steel wood glass kitchen gift large small new".split()


def counted(texts: list[str]) -> list[Counter[str]]:
    return [Counter(analyze(text)) for text in texts]


def by_definition(documents: list[Counter[str]], ids: list[str], query: str, k: int) -> list[int]:
    """Every document's score in full, term by term."""
    lengths = [encode_length(sum(d.values())) for d in documents]
    table = denominators(average_length(len(documents), sum(sum(d.values()) for d in documents)))
    scores = np.zeros(len(documents))
    for term, times in Counter(analyze(query)).items():
        holding = [i for i, d in enumerate(documents) if term in d]
        heft = weight(len(documents), len(holding), times)
        for i in holding:
            scores[i] += heft - heft / table[documents[i][term] << 8 | lengths[i]]
    rounded = scores.astype(np.float32)
    order = sorted(np.flatnonzero(rounded), key=lambda i: (-rounded[i], ids[i]))
    return [int(i) for i in order[:k]]


def index_of(texts: list[str], ids: list[str], size: int = 7) -> Index:
    blocks = [block(texts[i : i + size]) for i in range(0, len(texts), size)]
    return Index(merge(lambda: blocks, ids))


texts_of_words = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(texts_of_words, min_size=1, max_size=40), texts_of_words, st.integers(1, 9))
def test_the_best_are_those_of_the_definition(texts, query, k):
    ids = [f"B{(i * 37) % 101:03}" for i in range(len(texts))]
    index = index_of(texts, ids)
    assert index.search(query, k) == by_definition(counted(texts), ids, query, k)
    assert not index._scores.any(), "nothing is left over for the next query"


def test_pruning_changes_nothing_on_many_documents():
    generator = Generator("full", 3)
    rows = [generator.product(i) for i in range(1000)]
    texts = [f"{r['item']['name']} {r['item']['full_description']}".lower() for r in rows]
    ids = [r["item"]["asin"] for r in rows]
    index, documents = index_of(texts, ids, 400), counted(texts)
    for row in rows[:40]:
        query = row["human"][0]["instruction"]
        assert index.search(query, 50) == by_definition(documents, ids, query, 50)


@pytest.mark.parametrize("query", ["", "the of", "zzzzzz", "[]", "\x00", "💥"])
def test_a_query_that_means_nothing_finds_nothing(query):
    assert index_of(["red mug", "green cup"], ["a", "b"]).search(query, 50) == []


def test_a_very_long_query_is_answered():
    assert index_of(["red mug", "green cup"], ["a", "b"]).search("red mug " * 20_000, 5) == [0]


def test_threads_do_not_disturb_each_other():
    texts = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS]
    index = index_of(texts, [f"{i:05}" for i in range(len(texts))], 500)
    queries = [f"{a} {b}" for a in WORDS for b in WORDS]
    alone = [index.search(query, 50) for query in queries]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda query: index.search(query, 50), queries * 3)) == alone * 3


def test_lengths_are_kept_in_a_byte_as_lucene_keeps_them():
    assert [encode_length(n) for n in (0, 1, 23, 24, 39, 40, 41, 42, 1000)] == [
        0, 1, 23, 24, 39, 40, 40, 41, 87,
    ]  # fmt: skip
    for length in range(5000):
        kept = decode_length(encode_length(length))
        assert kept <= length
        assert length - kept <= length / 8


def test_lucene_finds_the_same(official, official_dir):
    """Recorded from the real Lucene index of these products: 500 queries, 50 results each."""
    recorded = json.loads((official_dir / "lucene_top50.json").read_text(encoding="utf-8"))
    catalogue = official.catalogue
    sets = pages = 0
    for entry in recorded:
        found = [catalogue.at(i).asin for i in catalogue.search(entry["query"])]
        sets += set(found) == set(entry["top50"])
        pages += found[:10] == entry["top50"][:10]
    assert len(recorded) == 500
    assert sets >= 495
    assert pages >= 495
