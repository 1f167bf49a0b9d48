"""The generated catalogue: the same everywhere, and goals that can be met."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_core import ConfigError
from leap_webshop.generator import Generator
from leap_webshop.product import read_product

SCRIPT = """
import hashlib, json
from leap_webshop.generator import Generator
rows = [Generator(size, 7).product(i) for size in ("small", "full") for i in range(40)]
print(hashlib.sha256(json.dumps(rows).encode()).hexdigest())
"""


def test_products_do_not_depend_on_the_process():
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["small", "full"]), st.integers(0, 5), st.integers(0, 1_600_000))
def test_a_product_has_what_its_instructions_ask_for(size, seed, number):
    made = Generator(size, seed).product(number)
    product = read_product(made["item"], made["attributes"]["attributes"])
    texts = " ".join((product.title, product.description, *product.bullets)).lower()
    assert set(made["attributes"]["instruction_attributes"]) <= set(product.attributes)
    assert all(attribute in texts for attribute in product.attributes)
    values = {value for group in product.options.values() for value in group}
    for told in made["human"]:
        assert product.query in told["instruction"]
        assert set(told["instruction_attributes"]) <= set(product.attributes)
        assert set(told["instruction_options"]) <= values
        assert all(option in told["instruction"] for option in told["instruction_options"])


@pytest.mark.parametrize("size", ["small", "full"])
def test_ids_are_unique_and_lead_back(size):
    generator = Generator(size, 4)
    ids = [generator.asin(i) for i in range(5000)]
    assert len(set(ids)) == 5000
    assert max(map(len, ids)) <= 10
    assert [generator.number(asin) for asin in ids] == list(range(5000))
    source = generator.source(10)
    assert list(source.human) == ids[:10]
    assert source.human.get(ids[10]) is None
    assert source.human.get("nonsense!") is None


def test_full_pages_are_longer_than_small_ones():
    def length(size):
        return len(json.dumps([Generator(size).product(i)["item"] for i in range(50)]))

    assert length("full") > 2 * length("small")


def test_more_products_than_ids_are_refused():
    with pytest.raises(ConfigError, match="at most"):
        Generator("small").source(36**4 + 1)
    assert len(Generator("small").source(36**4).human) == 36**4
