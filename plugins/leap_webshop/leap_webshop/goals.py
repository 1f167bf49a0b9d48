"""Goals: what a shopper is asked for, in upstream's order, with prices that never change.

Upstream draws prices and price limits anew in every process. Here they are functions of a seed
and the product, so that the instruction, the episode and the privileged state always agree.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from leap_webshop.product import Product

ORDER_SEED = 233
"""Upstream shuffles its goals with this seed."""
NO_LIMIT = 1_000_000.0
_LIMITS = tuple(10.0 * i for i in range(1, 100))
_NEAREST = 4


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be bought.

    Attributes:
        asin: the product that the instruction was written for.
        instruction: what the agent reads.
        options: wanted values; (name, value) pairs where the goal is a synthetic one.
        price_upper: the limit in dollars, `NO_LIMIT` where there is none.
    """

    asin: str
    instruction: str
    attributes: tuple[str, ...]
    options: tuple[str | tuple[str, str], ...]
    price_upper: float
    title: str
    query: str
    product_category: str
    category: str


def price_of(product: Product, seed: int) -> float:
    """What a product costs; of a price range, a value drawn by seed and product."""
    if len(product.pricing) == 1:
        return product.pricing[0]
    return random.Random(f"price {seed} {product.asin}").uniform(*product.pricing[:2])


def price_limit(price: float, key: str) -> float:
    """The larger of two of the next four multiples of ten dollars above a price."""
    above = [limit for limit in _LIMITS if limit > price][:_NEAREST]
    if len(above) < 2:
        return NO_LIMIT
    return max(random.Random(f"limit {key}").sample(above, 2))


def limit_text(limit: float) -> str:
    """How an instruction says the limit."""
    return "" if limit >= NO_LIMIT else f", and price lower than {limit:.2f} dollars"


def human_goal(
    product: Product,
    number: int,
    instruction: str,
    attributes: Sequence[str],
    options: Sequence[str],
    seed: int,
) -> Goal:
    """The goal of a person's instruction, the `number`th of its product."""
    limit = price_limit(price_of(product, seed), f"{seed} {product.asin} {number}")
    text = instruction.strip(".") + limit_text(limit)
    return _goal(product, text, attributes, tuple(options), limit)


def synthetic_goal(
    product: Product, combination: int, instruction: str, attributes: Sequence[str], seed: int
) -> Goal:
    """The goal of a written-by-rule instruction for one combination of the product's options."""
    limit = price_limit(price_of(product, seed), f"{seed} {product.asin}")
    pairs = combined(product, combination)
    wanted = ", and ".join(f"{name}: {value}" for name, value in pairs)
    text = f"{instruction}{' with ' if wanted else ''}{wanted}{limit_text(limit)}"
    return _goal(product, text, attributes, pairs, limit)


def combinations(product: Product) -> int:
    """How many combinations of options a product has."""
    count = 1
    for values in product.options.values():
        count *= len(values)
    return count


def combined(product: Product, number: int) -> tuple[tuple[str, str], ...]:
    """The `number`th combination of options: names in order, the last one's values run fastest.

    As upstream has it, of an option name that is listed twice the last value counts.
    """
    pairs: list[tuple[str, str]] = []
    for name in sorted(product.options, reverse=True):
        number, place = divmod(number, len(product.options[name]))
        pairs.append((name, product.options[name][place]))
    return tuple(reversed(pairs))


def shuffled(count: int) -> array[int]:
    """The order in which upstream has that many goals."""
    order = array("q", range(count))
    random.Random(ORDER_SEED).shuffle(order)
    return order


def _goal(
    product: Product,
    text: str,
    attributes: Sequence[str],
    options: tuple[str | tuple[str, str], ...],
    limit: float,
) -> Goal:
    return Goal(
        asin=product.asin,
        instruction=text,
        attributes=tuple(attributes),
        options=options,
        price_upper=limit,
        title=product.title,
        query=product.query,
        product_category=product.product_category,
        category=product.category,
    )
