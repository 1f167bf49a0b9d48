"""The reward and its parts: upstream's own cases, bounds, and what more of the wanted brings."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_core import MissingExtra
from leap_webshop.goals import Goal
from leap_webshop.nouns import noun_rule
from leap_webshop.product import Product
from leap_webshop.reward import attribute_matches, option_matches, reward, type_match

EVERY, BUILTIN = noun_rule("every"), noun_rule("builtin")


def product(**changes: object) -> Product:
    return replace(
        Product(
            asin="B1",
            title="name 1",
            description="",
            bullets=(),
            pricing=(35.0,),
            price_tag="$35.0",
            options={},
            attributes=(),
            category="beauty",
            query="query 1",
            product_category="a › b › c",
        ),
        **changes,
    )


def goal(**changes: object) -> Goal:
    return replace(
        Goal("B1", "", (), (), 40.0, "name 1", "query 1", "a › b › c", "beauty"), **changes
    )


@pytest.mark.parametrize(
    ("path", "match"),
    [("b › c › a", True), ("d › e › f", False), ("a › d › b", True), ("a › a › b", True),
     ("a › a › d", False)],
)  # fmt: skip
def test_categories_match_where_two_are_shared(path, match):
    other = product(query="query 2", product_category=path)
    assert type_match(other, goal(), EVERY)[1:3] == (False, match)


@pytest.mark.parametrize(
    ("title", "category", "query", "expected"),
    [
        ("one two three four five six seven eight nine ten", "x", "q", 1.0),
        ("one two xx xx", "x", "q", 0.5),
        ("one two xx xx", "a › b", "q", 1.0),
        ("one xx xx xx", "x", "query 1", 1.0),
        ("none of it", "a › b › c", "query 1", 0.0),
    ],
)
def test_the_type_follows_query_category_and_title(title, category, query, expected):
    wanted = goal(title="one two three four five six seven eight nine ten")
    bought = product(title=title, product_category=category, query=query)
    assert type_match(bought, wanted, EVERY)[0] == expected


def test_one_noun_of_many_is_a_tenth():
    wanted = goal(title=" ".join(f"word{i}" for i in range(11)))
    assert type_match(product(title="word1"), wanted, EVERY)[0] == 0.1


def test_attributes_are_found_alike_or_in_the_texts():
    wanted = ("tea tree", "essential oils", "natural ingredients")
    listed = product(attributes=("tea tree", "essential oil", "natural ingredients"))
    assert attribute_matches(listed, wanted) == 3
    told = product(
        bullets=("This shampoo has Essential Oils",), description="made with natural ingredients"
    )
    assert attribute_matches(told, wanted) == 2
    other = product(attributes=("tea bag", "earl gray"), title="English tea for breakfast")
    assert attribute_matches(other, wanted) == 0


@pytest.mark.parametrize(
    ("wanted", "chosen", "matches"),
    [
        (["grey", "XL", "pack of 12"], ["pack of 12", "grey", "XL"], 3),
        (["grey", "XL", "pack of 12"], ["pack of 12", "blue", "XL"], 2),
        (["cool powder snow", "XL", "pack of 12"], ["pack of 12", "powder snow", "XL"], 3),
        ([], ["goal 1"], 0),
        (["goal 1"], [], 0),
        (["navy blue"], ["blue denim"], 1),
        ([("color", "black")], ["black"], 1),
        ([("size", "medium")], ["medium"], 1),
        ([("size", "medium")], ["large"], 0),
    ],
)
def test_options(wanted, chosen, matches):
    assert option_matches(chosen, wanted) == matches


def test_upstreams_case_of_the_whole():
    sneakers = "Mens D.O.N. Issue 2 Gca Basketball Sneakers Shoes Casual - Off White"
    wanted = goal(
        title=sneakers,
        attributes=("tea tree", "essential oils", "natural ingredients"),
        options=(("color", "grey"), ("size", "XL")),
    )
    bought = product(
        title=sneakers, attributes=("tea tree", "essential oil", "natural ingredients")
    )
    chosen = {"color": "grey", "size": "XL"}
    assert reward(bought, wanted, 35, chosen, BUILTIN).total == 1
    told = replace(bought, attributes=(), title=sneakers, bullets=("with essential oils",))
    assert reward(told, wanted, 35, chosen, BUILTIN).total == pytest.approx(4 / 6)
    more = replace(wanted, options=(*wanted.options, ("amount", "pack of 12")))
    assert reward(told, more, 35, chosen, BUILTIN).total == pytest.approx(4 / 7)
    assert reward(bought, wanted, 41, chosen, BUILTIN).total == pytest.approx(5 / 6)


words = st.sampled_from("red mug steel cup soft large green tea 12 pack natural".split())
phrases = st.lists(words, min_size=1, max_size=3).map(" ".join)
products = st.builds(
    product,
    title=phrases,
    description=phrases,
    bullets=st.lists(phrases, max_size=2).map(tuple),
    attributes=st.lists(phrases, max_size=3).map(tuple),
    query=phrases,
    product_category=st.lists(words, max_size=3).map(" › ".join),
)
goals = st.builds(
    goal,
    attributes=st.lists(phrases, min_size=1, max_size=3).map(tuple),
    options=st.lists(phrases, max_size=3).map(tuple),
    price_upper=st.floats(1, 100),
    title=phrases,
    query=phrases,
)
choices = st.dictionaries(st.sampled_from(["color", "size", "count"]), phrases, max_size=3)


@given(products, goals, st.floats(0, 200), choices)
def test_a_reward_is_between_nothing_and_all(bought, wanted, price, chosen):
    given_reward = reward(bought, wanted, price, chosen, EVERY)
    assert 0 <= given_reward.total <= 1
    assert given_reward.r_type in (0.0, 0.1, 0.5, 1.0)
    assert 0 <= given_reward.r_att <= 1
    assert given_reward.r_option is None or 0 <= given_reward.r_option <= 1


@given(products, goals, st.floats(0, 200), choices, phrases)
def test_more_of_what_is_wanted_is_never_worth_less(bought, wanted, price, chosen, value):
    before = reward(bought, wanted, price, chosen, EVERY).total
    cheaper = reward(bought, wanted, price / 2, chosen, EVERY).total
    listed = replace(bought, attributes=(*bought.attributes, value))
    richer = reward(listed, wanted, price, chosen, EVERY).total
    more_chosen = reward(bought, wanted, price, {**chosen, "style": value}, EVERY).total
    assert min(cheaper, richer, more_chosen) >= before


@given(products, goals, st.floats(0, 0.5))
def test_the_wanted_product_with_its_options_brings_all(bought, wanted, price):
    exact = replace(bought, title=wanted.title, attributes=wanted.attributes, query=wanted.query)
    chosen = {str(i): value for i, value in enumerate(wanted.options)}
    assert reward(exact, wanted, price, chosen, EVERY).total == 1


@pytest.mark.parametrize(
    ("title", "nouns"),
    [
        ("new 2 pack of soft men's running shoes, black", "pack men running shoes"),
        ("Soft Black Shoes for the Small", "soft black shoes small"),
        ("A 1080p T-Shirt in XL, w 4pcs x 2.5", "1080p t shirt xl 4pcs"),
        ("", ""),
    ],
)
def test_the_built_in_rule_drops_small_words_numbers_and_adjectives(title, nouns):
    assert BUILTIN(title) == tuple(nouns.split())


@given(st.text())
def test_any_title_has_its_nouns(title):
    assert all(noun and noun == noun.lower() for noun in BUILTIN(title))


def test_a_missing_tagger_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtra, match="leap-webshop\\[spacy\\]"):
        noun_rule("spacy-lg")


def test_a_missing_model_is_named():
    pytest.importorskip("spacy")
    with pytest.raises(MissingExtra, match="spacy download en_core_web_md"):
        noun_rule("spacy-md")


@pytest.fixture
def tagger(tmp_path, monkeypatch):
    """A model package as spaCy's are, whose pipeline tags the words that it is told."""
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("attribute_ruler")
    for word, pos in (("Red", "PROPN"), ("mug", "NOUN"), ("red", "ADJ"), ("holds", "VERB")):
        ruler.add([[{"ORTH": word}]], {"POS": pos})
    package = tmp_path / "en_core_web_lg"
    pipeline.meta.update(name="core_web_lg", version="3.8.0")
    package.mkdir()
    pipeline.to_disk(package / "en_core_web_lg-3.8.0")
    (package / "meta.json").write_text(json.dumps(pipeline.meta))
    (package / "__init__.py").write_text(
        "from spacy.util import load_model_from_init_py\n\n\n"
        "def load(**overrides):\n    return load_model_from_init_py(__file__, **overrides)\n"
    )
    record = tmp_path / "en_core_web_lg-3.8.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: en_core_web_lg\nVersion: 3.8.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield noun_rule("spacy-lg")
    noun_rule.cache_clear()


def test_spacys_nouns_and_names_count_in_lower_case(tagger):
    assert tagger("Red mug holds red mug") == ("red", "mug", "mug")
    wanted = goal(title="Red mug")
    assert type_match(product(title="mug red"), wanted, tagger)[3] == 0.5


def test_a_spacy_installed_model_scores_the_wanted_product_in_full():
    try:
        nouns = noun_rule("spacy-sm")
    except MissingExtra as error:
        pytest.skip(str(error))
    title = "Mens D.O.N. Issue 2 Gca Basketball Sneakers Shoes Casual - Off White"
    assert {"sneakers", "shoes"} <= set(nouns(title))
    assert type_match(product(title=title), goal(title=title), nouns)[3] == 1.0
