"""A product, from a record in upstream's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NO_PRICE = 100.0
"""What a product without a price costs, as upstream has it."""
NO_ATTRIBUTES = ("DUMMY_ATTR",)
"""The attributes of a product that the attribute file does not name, as upstream has them."""
_LONGEST_ID = 10


class UnusableRecord(ValueError):
    """A record that is left out; the message is a short reason to count by."""


@dataclass(frozen=True, slots=True)
class Product:
    """What the store knows about a product.

    Attributes:
        asin: its id.
        pricing: one price, or the two ends of a range, in dollars.
        price_tag: the price as pages show it.
        options: values to choose from, by the option's name, in the order of the page.
        attributes: what rewards compare ("long sleeve").
        product_category: the path "A › B › C"; `category` is one of upstream's five shelves.
        query: the search phrase that the product was found by, lower case.
    """

    asin: str
    title: str
    description: str
    bullets: tuple[str, ...]
    pricing: tuple[float, ...]
    price_tag: str
    options: Mapping[str, tuple[str, ...]]
    attributes: tuple[str, ...]
    category: str
    query: str
    product_category: str
    image: str = ""

    def search_text(self) -> str:
        """What is indexed: title, description, the first bullet only, and the options."""
        options = ", and ".join(f"{k}: {', '.join(v)}" for k, v in self.options.items())
        first = self.bullets[0] if self.bullets else ""
        return " ".join((self.title, self.description, first, options)).lower()

    def to_json(self) -> str:
        """The product as one line."""
        row = [getattr(self, name) for name in _FIELDS]
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str | bytes) -> Product:
        """Read what `to_json` wrote."""
        row = dict(zip(_FIELDS, json.loads(line), strict=True))
        row["options"] = {name: tuple(values) for name, values in row["options"].items()}
        for name in ("bullets", "pricing", "attributes"):
            row[name] = tuple(row[name])
        return cls(**row)


_FIELDS = (
    "asin", "title", "description", "bullets", "pricing", "price_tag", "options", "attributes",
    "category", "query", "product_category", "image",
)  # fmt: skip


def read_product(record: object, attributes: Iterable[str] | None) -> Product:
    """A product from a record of `items_shuffle*.json` and its attributes.

    As upstream's loader reads it, but a missing image or bullet is no reason to fail.

    Raises:
        UnusableRecord: it cannot be sold: no id, no name, an unreadable price or option.
    """
    if not isinstance(record, Mapping):
        raise UnusableRecord("no JSON object")
    asin = record.get("asin")
    if not isinstance(asin, str) or not asin or asin == "nan":
        raise UnusableRecord("no asin")
    if len(asin) > _LONGEST_ID:
        raise UnusableRecord(f"an asin of more than {_LONGEST_ID} signs")
    title = record.get("name")
    if not isinstance(title, str):
        raise UnusableRecord("no name")
    bullets = record.get("small_description")
    images = record.get("images")
    pricing, tag = _pricing(record.get("pricing"))
    return Product(
        asin=asin,
        title=title,
        description=_text(record, "full_description"),
        bullets=tuple(str(b) for b in bullets)
        if isinstance(bullets, list)
        else (str(bullets or ""),),
        pricing=pricing,
        price_tag=tag,
        options=_options(record.get("customization_options")),
        attributes=NO_ATTRIBUTES if attributes is None else tuple(map(str, attributes)),
        category=_text(record, "category"),
        query=_text(record, "query").lower().strip(),
        product_category=_text(record, "product_category"),
        image=str(images[0]) if isinstance(images, list) and images else "",
    )


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    return "" if value is None else str(value)


def _pricing(text: object) -> tuple[tuple[float, ...], str]:
    """Prices and their tag from "", "$a" or "$a..$b"."""
    if not text:
        return (NO_PRICE,), f"${NO_PRICE}"
    try:
        prices = tuple(float(re.sub(r"[^\d.]", "", part)) for part in str(text).split("$")[1:3])
    except ValueError:
        raise UnusableRecord("an unreadable price") from None
    if not prices:
        raise UnusableRecord("an unreadable price")
    return prices, " to ".join(f"${price}" for price in prices)


def _options(given: object) -> dict[str, tuple[str, ...]]:
    if not given:
        return {}
    if not isinstance(given, Mapping):
        raise UnusableRecord("unreadable options")
    options: dict[str, tuple[str, ...]] = {}
    for name, contents in given.items():
        if contents is None:
            continue
        try:
            values = (content["value"] for content in contents)
            options[str(name).lower()] = tuple(
                value.strip().replace("/", " | ").lower() for value in values
            )
        except (TypeError, KeyError, AttributeError):
            raise UnusableRecord("unreadable options") from None
    return options
