"""A small hand-made catalogue to test with, and the official files where there are any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leap_webshop.catalogue import Catalogue
from leap_webshop.compiling import Source, compile_in_memory
from leap_webshop.environment import WebshopEnvironment, WebshopOptions
from leap_webshop.goals import Goal
from leap_webshop.nouns import noun_rule
from leap_webshop.session import Session


def record(asin: str, name: str, **changes: Any) -> dict[str, Any]:
    """A product as upstream's file has it."""
    return {
        "asin": asin,
        "name": name,
        "full_description": f"All about {name}.",
        "small_description": ["First bullet", "Second bullet"],
        "pricing": "$10.0",
        "images": ["http://example.com/a.jpg"],
        "product_category": "Home › Kitchen › Cups",
        "category": "garden",
        "query": "Coffee Mug",
        "customization_options": {"Color": [{"value": "Red/Blue"}, {"value": "Green"}]},
    } | changes


RECORDS = (
    record("B000000001", "Blue Steel Mug", pricing="$10.0$20.0"),
    record("B000000002", "Green Glass Mug", customization_options="", pricing=""),
    record("B000000003", "Oak Shelf", query="shelf", product_category="Home › Furniture › Shelves"),
)
ATTRIBUTES = {
    "B000000001": {
        "attributes": ["dishwasher safe", "double walled"],
        "instruction": "Find me dishwasher safe mug",
        "instruction_attributes": ["dishwasher safe"],
    },
    "B000000003": {"attributes": ["solid wood"]},
}
HUMAN = {
    "B000000001": [
        {
            "instruction": "i want a mug that is dishwasher safe.",
            "instruction_attributes": ["dishwasher safe"],
            "instruction_options": ["green"],
        },
        {"instruction": "no attributes", "instruction_attributes": [], "instruction_options": []},
    ]
}


def small_source(
    records: Any = RECORDS, attributes: Any = ATTRIBUTES, human: Any = HUMAN
) -> Source:
    return Source("by hand", lambda: iter(records), attributes, human)


class ByHand:
    """A catalogue of three products, in upstream's schema."""

    records, attributes, human = RECORDS, ATTRIBUTES, HUMAN
    record = staticmethod(record)
    source = staticmethod(small_source)


@pytest.fixture
def by_hand() -> type[ByHand]:
    """The records of that catalogue, and how to change them."""
    return ByHand


@pytest.fixture
def catalogue() -> Catalogue:
    """Three products."""
    return compile_in_memory(small_source())


@pytest.fixture
def visit(catalogue: Catalogue) -> Callable[..., Session]:
    """Opens a visit to that store with a goal, some of its parts changed."""

    def open_visit(show_attributes: bool = False, **changes: Any) -> Session:
        goal = Goal(
            **{
                "asin": "B000000001",
                "instruction": "a green mug",
                "attributes": ("dishwasher safe",),
                "options": ("green",),
                "price_upper": 40.0,
                "title": "Blue Steel Mug",
                "query": "coffee mug",
                "product_category": "Home › Kitchen › Cups",
                "category": "garden",
                **changes,
            }
        )
        return Session(catalogue, goal, lambda p: p.pricing[0], noun_rule("every"), show_attributes)

    return open_visit


@pytest.fixture(scope="session")
def embedded() -> WebshopEnvironment:
    """The default environment."""
    return WebshopEnvironment(WebshopOptions())


@pytest.fixture(scope="session")
def official_dir(data_dir: Path) -> Path:
    """The folder of upstream's small catalogue."""
    folder = data_dir / "webshop"
    if not folder.is_dir():
        pytest.skip(f"no WebShop data in {data_dir}")
    return folder


@pytest.fixture(scope="session")
def official(official_dir: Path) -> WebshopEnvironment:
    """The official small catalogue with its synthetic goals."""
    return WebshopEnvironment(
        WebshopOptions(catalogue="official", data_dir=official_dir, goals="synthetic")
    )
