"""A catalogue made by rule, in upstream's schema, read by the same reader as the official files.

Every product is a function of the seed, the size of its pages and its number, the same on every
machine. Scores on it are not WebShop scores.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from leap_core import ConfigError
from leap_webshop.compiling import Source
from leap_webshop.tables import (
    ASKING,
    FILLERS,
    KINDS,
    OPTIONS,
    PLAIN_BRANDS,
    SYLLABLES,
    TELLING,
    ProductKind,
)

Size = Literal["small", "full"]
LARGEST = 36**8
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STRIDE = 1_103_515_243
"""Coprime to powers of 36: numbers that follow each other get ids that do not."""
_PLACES: Mapping[Size, int] = {"small": 4, "full": 8}
"""Digits of an id: short ones for tiny students, who pay for every sign."""
_INSTRUCTIONS = 4
"""People's instructions for each product."""


class Generator:
    """Makes products, their attributes and people's instructions.

    `small` products have short texts, for tiny students; `full` ones have texts about as long as
    the official ones.
    """

    def __init__(self, size: Size = "small", seed: int = 0) -> None:
        self.size, self.seed = size, seed
        self._ids = 36 ** _PLACES[size]
        self._offset = random.Random(f"asins {seed}").randrange(self._ids)

    def source(self, count: int) -> Source:
        """The first `count` products, as a catalogue is compiled from.

        Raises:
            ConfigError: there are not so many.
        """
        if count > self._ids:
            raise ConfigError(
                f"a generated catalogue of size '{self.size}' has at most {self._ids:,} products"
            )

        def rows() -> Iterator[dict[str, Any]]:
            return (self.product(number)["item"] for number in range(count))

        numbers = _Numbers(self, count)
        return Source(
            f"generated: {count} {self.size} products, seed {self.seed}",
            rows,
            _Made(numbers, "attributes"),
            _Made(numbers, "human"),
        )

    def asin(self, number: int) -> str:
        """The id of a product."""
        code = (number * _STRIDE + self._offset) % self._ids
        signs = []
        for _ in range(_PLACES[self.size]):
            code, digit = divmod(code, 36)
            signs.append(_DIGITS[digit])
        return "B0" + "".join(reversed(signs))

    def number(self, asin: str) -> int:
        """The number of a product; raises ValueError where the id is none of this catalogue's."""
        inverse: int = pow(_STRIDE, -1, self._ids)
        number: int = (int(asin[2:], 36) - self._offset) * inverse % self._ids
        if self.asin(number) != asin:
            raise ValueError(asin)
        return number

    def product(self, number: int) -> dict[str, Any]:
        """A product: its `item` record, its `attributes` record, and `human` instructions."""
        return _product(self.size, self.seed, number, self.asin(number))


class _Numbers(Mapping[str, int]):
    """Which product an id belongs to, for the products that were made last."""

    def __init__(self, generator: Generator, count: int) -> None:
        self.generator, self.count = generator, count

    def __getitem__(self, asin: str) -> int:
        try:
            number = self.generator.number(asin)
        except ValueError:
            raise KeyError(asin) from None
        if number >= self.count:
            raise KeyError(asin)
        return number

    def __iter__(self) -> Iterator[str]:
        return map(self.generator.asin, range(self.count))

    def __len__(self) -> int:
        return self.count


class _Made(Mapping[str, Any]):
    """A record of each product, by id, made when it is asked for."""

    def __init__(self, numbers: _Numbers, what: str) -> None:
        self.numbers, self.what = numbers, what

    def __getitem__(self, asin: str) -> Any:
        return self.numbers.generator.product(self.numbers[asin])[self.what]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


@lru_cache(maxsize=64)
def _product(size: Size, seed: int, number: int, asin: str) -> dict[str, Any]:
    rng = random.Random(f"product {size} {seed} {number}")
    kind = rng.choice(KINDS)
    attributes = rng.sample(kind.attributes, 3 if size == "small" else rng.choice((3, 4, 5)))
    options = _options(kind, size, rng)
    brand = rng.choice(PLAIN_BRANDS) if size == "small" else _brand(rng)
    item = {
        "asin": asin,
        "name": _title(kind, brand, attributes, size, rng),
        "full_description": _description(kind, brand, attributes, size, rng),
        "small_description": [_told(a, rng) for a in _mixed(attributes, rng)]
        + [_filler(kind, brand, rng) for _ in range(0 if size == "small" else 3)],
        "pricing": _pricing(kind, rng),
        "images": [],
        "product_category": kind.path,
        "category": kind.shelf,
        "query": kind.noun,
        "customization_options": {
            name: [{"value": value, "image": None} for value in values]
            for name, values in options.items()
        },
    }
    wanted = attributes[:2]
    return {
        "item": item,
        "attributes": {
            "attributes": attributes,
            "instruction": f"Find me {wanted[0]} {kind.noun} with {wanted[1]}",
            "instruction_attributes": wanted,
        },
        "human": [_instruction(kind, attributes, options, rng) for _ in range(_INSTRUCTIONS)],
    }


def _brand(rng: random.Random) -> str:
    return "".join(rng.choices(SYLLABLES, k=rng.choice((2, 2, 3)))).capitalize()


def _options(kind: ProductKind, size: Size, rng: random.Random) -> dict[str, list[str]]:
    """Some values of each option group, in the group's own order."""
    options = {}
    for group in kind.options:
        values = OPTIONS[group]
        most = min(5, len(values)) if size == "small" else len(values)
        chosen = set(rng.sample(values, rng.randint(min(3, most), most)))
        name = "size" if group == "shoe size" else group
        options[name] = [value for value in values if value in chosen]
    return options


def _title(
    kind: ProductKind, brand: str, attributes: list[str], size: Size, rng: random.Random
) -> str:
    told = rng.sample(attributes, 1 if size == "small" else 2)
    if size == "small":
        return f"{brand} {told[0]} {kind.noun}"
    model = (
        f"{rng.choice('ABCDEFGHJKLMNPQRSTVX')}{rng.choice('ADGKMRSTX')}{rng.randrange(100, 9999)}"
    )
    more = f"for {rng.choice(('Men', 'Women', 'Home', 'Travel', 'Office', 'Kids', 'Gifts'))}"
    return f"{brand} {model} {told[0].title()} {kind.noun.title()} {more} with {told[1].title()}"


def _description(
    kind: ProductKind, brand: str, attributes: list[str], size: Size, rng: random.Random
) -> str:
    if size == "small":
        return _told(rng.choice(attributes), rng)
    parts = [_told(attribute, rng) for attribute in attributes]
    parts += [_filler(kind, brand, rng) for _ in range(4)]
    return " ".join(_mixed(parts, rng))


def _told(attribute: str, rng: random.Random) -> str:
    return rng.choice(TELLING).format(attribute)


def _filler(kind: ProductKind, brand: str, rng: random.Random) -> str:
    return rng.choice(FILLERS).format(noun=kind.noun, brand=brand)


def _mixed(items: list[str], rng: random.Random) -> list[str]:
    return rng.sample(items, len(items))


def _pricing(kind: ProductKind, rng: random.Random) -> str:
    low, high = kind.prices
    price = round(rng.uniform(low, high), 2)
    chance = rng.random()
    if chance < 0.05:
        return ""
    return f"${price}" if chance < 0.85 else f"${price}${round(price * rng.uniform(1.1, 1.6), 2)}"


def _instruction(
    kind: ProductKind, attributes: list[str], options: dict[str, list[str]], rng: random.Random
) -> dict[str, Any]:
    """What a person would ask who wants this product: some attributes, some options."""
    wanted = rng.sample(attributes, rng.choice((1, 2, 2)))
    groups = [name for name in options if rng.random() < 0.8]
    chosen = {name: rng.choice(options[name]) for name in groups}
    plural = kind.noun.endswith("s")
    that = f"that {'are' if plural else 'is'} {' and '.join(wanted)}"
    said = ", ".join(f"in {v}" if n == "color" else f"{n} {v}" for n, v in chosen.items())
    text = rng.choice(ASKING).format(
        article="" if plural else "a ",
        noun=kind.noun,
        that=that,
        options=f", {said}" if said else "",
    )
    return {
        "instruction": text,
        "instruction_attributes": wanted,
        "instruction_options": list(chosen.values()),
    }
