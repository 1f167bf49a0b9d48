"""What would give a goal away, for the leak audit, which forgives what the student has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leap_core import Fact
from leap_webshop.goals import Goal
from leap_webshop.product import Product
from leap_webshop.session import Session

_WANTED = ("product", "item", "one", "match", "fit", "listing", "better product", "right product")
_SHORTEST_BRAND = 4


def secrets(
    goal: Goal, options: Sequence[str], price: float | None, facts: Mapping[str, Any], at: Session
) -> tuple[str | Fact, ...]:
    """Return the goal's product with its price, and what each product or page shown is worth."""
    told: list[str | Fact] = [Fact(kind="name", value=(goal.asin,)), goal.title]
    told += [*goal.attributes, *options, *_brand(goal), *_price(price)]
    if "worth" in facts:
        shown = at.shown()
        told += [
            _worth(product, number, facts["worth"][product.asin.lower()])
            for number, product in enumerate(shown, 1)
        ]
        told += _better_pages(goal, facts)
    if "now" in facts and at.product is not None:
        this = ("this", "it", "now", at.product.asin, at.product.title)
        worths = dict.fromkeys((facts["now"], facts["reachable"]))
        told += [Fact(kind="worth", subject=this, value=(f"{worth:.2f}",)) for worth in worths]
    return tuple(dict.fromkeys(told))


def _brand(goal: Goal) -> list[Fact]:
    """The first word of the title, which is the maker's name in most catalogues."""
    first = goal.title.split()[0] if goal.title.split() else ""
    words = f"{goal.instruction} {goal.query} {goal.category}".lower()
    if len(first) < _SHORTEST_BRAND or not first.isalpha() or first.lower() in words:
        return []
    return [Fact(kind="name", value=(first,))]


def _price(price: float | None) -> list[Fact]:
    return [] if price is None else [Fact(kind="name", value=(f"{price:.2f}", f"{price:.4g}"))]


def _worth(product: Product, number: int, worth: float) -> Fact:
    places = [f"{word} {number}" for word in ("product", "item", "result", "one", "listing")]
    return Fact(
        kind="worth", subject=(product.asin, product.title, *places), value=(f"{worth:.2f}",)
    )


def _better_pages(goal: Goal, facts: Mapping[str, Any]) -> list[Fact]:
    """The pages of the search that hold a better product than the one that is shown."""
    wanted = (*_WANTED, goal.query, *goal.query.split()[-1:])
    here = max(facts["worth"].values(), default=0.0)
    return [
        Fact(kind="place", subject=wanted, value=(f"page {number}",))
        for number, worth in facts["pages"].items()
        if number != "shown" and worth > here
    ]
