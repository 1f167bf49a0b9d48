"""The reward of a purchase and its four parts, as upstream computes them.

    r = (attributes + options + price) / (|attributes| + |options| + 1) * type

(WebShop, arXiv 2207.01206, section 3; details of matching after `web_agent_site/engine/goal.py`.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from thefuzz import fuzz

from leap_webshop.colours import first_colour
from leap_webshop.goals import Goal
from leap_webshop.nouns import Nouns
from leap_webshop.product import Product

_ALIKE = 85
"""Two texts match whose `token_set_ratio` (0 … 100, rounded) is above this."""


@dataclass(frozen=True, slots=True)
class Reward:
    """A purchase's reward and what it is made of.

    Attributes:
        total: 0 … 1.
        r_type: 0, 0.1, 0.5 or 1: whether it is the kind of thing that was wanted.
        r_att, r_option: shares of the wanted attributes and options; no options: None.
        r_price: whether it is within the limit.
    """

    total: float
    r_type: float
    r_att: float
    r_option: float | None
    r_price: bool
    query_match: bool
    category_match: bool
    title_score: float

    def parts(self) -> dict[str, Any]:
        """The parts, for a record."""
        names = (
            "r_type", "r_att", "r_option", "r_price", "query_match", "category_match",
            "title_score",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


def reward(
    product: Product, goal: Goal, price: float, chosen: Mapping[str, str], nouns: Nouns
) -> Reward:
    """The reward of buying `product` at `price` with the options `chosen`."""
    kind, query_match, category_match, title_score = type_match(product, goal, nouns)
    attributes = attribute_matches(product, goal.attributes)
    options = option_matches(list(chosen.values()), goal.options)
    affordable = price <= goal.price_upper
    wanted = len(goal.attributes) + len(goal.options) + 1
    return Reward(
        total=(attributes + options + affordable) / wanted * kind,
        r_type=kind,
        r_att=attributes / len(goal.attributes) if goal.attributes else 0.0,
        r_option=options / len(goal.options) if goal.options else None,
        r_price=affordable,
        query_match=query_match,
        category_match=category_match,
        title_score=title_score,
    )


def type_match(product: Product, goal: Goal, nouns: Nouns) -> tuple[float, bool, bool, float]:
    """`r_type`, whether query and category match, and the share of the goal title's nouns."""
    same_query = product.query == goal.query
    shared = _categories(product.product_category) & _categories(goal.product_category)
    same_category = len(shared) >= 2
    wanted = nouns(goal.title)
    score = len(set(nouns(product.title)) & set(wanted)) / len(wanted) if wanted else 0.2
    if score == 0.0:
        return 0.0, same_query, same_category, score
    if score < 0.1:
        return 0.1, same_query, same_category, score
    match = same_query or same_category or score > 0.2
    return (1.0 if match else 0.5), same_query, same_category, score


def attribute_matches(product: Product, attributes: Iterable[str]) -> int:
    """How many of the attributes the product has, by its own list or somewhere in its texts."""
    texts = (
        product.title.lower(), " ".join(product.bullets).lower(), product.description.lower(),
    )  # fmt: skip
    return sum(
        any(_alike(own, wanted) for own in product.attributes)
        or any(wanted in text for text in texts)
        for wanted in attributes
    )


def option_matches(chosen: Sequence[str], wanted: Iterable[str | tuple[str, str]]) -> int:
    """How many of the wanted options were chosen.

    Synthetic goals want (name, value) pairs, and upstream compares a pair's whole text: a pair is
    reduced to a colour only where its name or value is exactly that colour.
    """
    reduced = [first_colour(value) or value for value in chosen]
    return sum(
        any(_alike(own, first_colour(option) or str(option)) for own in reduced)
        for option in wanted
    )


@lru_cache(maxsize=1 << 16)
def _alike(one: str, other: str) -> bool:
    return bool(fuzz.token_set_ratio(one, other) > _ALIKE)


@lru_cache(maxsize=1 << 14)
def _categories(path: str) -> frozenset[str]:
    return frozenset(part.strip() for part in path.split("›"))
