"""A visit to the store: a state machine over its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from leap_webshop.catalogue import Catalogue
from leap_webshop.goals import Goal
from leap_webshop.nouns import Nouns
from leap_webshop.pages import (
    BACK,
    BUY,
    NEXT,
    PAGE_SIZE,
    PREVIOUS,
    SUB_PAGES,
    Page,
    address,
    done_page,
    item_page,
    results_page,
    search_page,
    sub_page,
)
from leap_webshop.product import Product
from leap_webshop.reward import Reward, reward

At = Literal["search", "results", "item", "sub", "done"]


def parse_action(action: str) -> tuple[str, str] | None:
    """Read `search[…]` or `click[…]` by upstream's rule; None where it is neither.

    The last "[" ends the verb, so an argument holds none; what follows the last "]" is ignored.
    """
    line = action.partition("\n")[0]
    end = line.rfind("]")
    start = line.rfind("[", 0, max(end - 1, 0))
    verb = line[: max(start, 0)]
    return (verb, line[start + 1 : end].lower()) if verb in ("search", "click") else None


class Session:
    """One visit: where the agent is, and what it has chosen.

    Attributes:
        at: the kind of page.
        query, number: the search that is shown, and which page of its results.
        asin, options: the product looked at, and what was chosen there.
        visited: products opened since the last return to the search page.
        receipt: the reward, once something was bought.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        goal: Goal,
        price: Callable[[Product], float],
        nouns: Nouns,
        show_attributes: bool = False,
    ) -> None:
        self.catalogue, self.goal = catalogue, goal
        self.price, self.nouns, self.show_attributes = price, nouns, show_attributes
        self.receipt: Reward | None = None
        self._begin()

    def _begin(self) -> None:
        self.at: At = "search"
        self.query = ""
        self.number = 0
        self.asin = ""
        self.sub = ""
        self.options: dict[str, str] = {}
        self.visited: set[str] = set()
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        """The page as it is shown now."""
        if self._page is None:
            self._page = self._draw()
        return self._page

    @property
    def product(self) -> Product | None:
        """The product whose page, or sub-page, is shown."""
        return self.catalogue.product(self.asin) if self.at in ("item", "sub") else None

    def results(self) -> list[Product]:
        """The products of the search that is shown, on all pages."""
        return [self.catalogue.at(i) for i in self.catalogue.search(self.query)]

    def shown(self) -> list[Product]:
        """The products on the page of results that is shown."""
        if self.at != "results":
            return []
        last = self.number * PAGE_SIZE
        places = self.catalogue.search(self.query)[max(last - PAGE_SIZE, 0) : max(last, 0)]
        return [self.catalogue.at(i) for i in places]

    def act(self, action: str) -> None:
        """Take an action; one that means nothing here changes nothing."""
        parsed = parse_action(action)
        if parsed is None or self.at == "done":
            return
        verb, argument = parsed
        if verb == "search":
            self._search(argument, 1)
        elif argument in self.page.clickables() and argument != "search":
            self._click(argument)
        self._page = None

    def _search(self, query: str, number: int) -> None:
        self.at, self.query, self.number = "results", query, number
        self.asin, self.options = "", {}

    def _click(self, name: str) -> None:
        if name == BUY:
            self._buy()
        elif name == BACK:
            self._begin()
        elif name == NEXT and self.at == "results":
            self._search(self.query, self.number + 1)
        elif name == PREVIOUS and self.at == "results":
            self._search(self.query, self.number - 1)
        elif name == PREVIOUS and self.at == "item":
            self._search(self.query, self.number)
        elif name == PREVIOUS:
            self.at = "item"
        elif name in SUB_PAGES and self.at == "item":
            self.at, self.sub = "sub", name
        elif self.at == "results":
            self.asin = next(p.asin for p in self.shown() if p.asin.lower() == name)
            self.at = "item"
            self.visited.add(self.asin)
        else:
            self._choose(name)

    def _choose(self, value: str) -> None:
        """Choose an option; of two groups with the same value, the later one's."""
        product = self.product
        assert product is not None
        for group, values in product.options.items():
            if value in values:
                chosen = group
        self.options = {**self.options, chosen: value}

    def _buy(self) -> None:
        product = self.product
        assert product is not None
        price = self.price(product)
        self.receipt = reward(product, self.goal, price, self.options, self.nouns)
        self.at = "done"

    def _draw(self) -> Page:
        instruction, product = self.goal.instruction, self.product
        if self.at == "results":
            total = len(self.catalogue.search(self.query))
            return results_page(instruction, self.shown(), self.number, total, self.visited)
        if self.at == "item" and product is not None:
            keywords = self.query.split(" ")
            where = address(self.asin, keywords, self.number, self.options)
            return item_page(instruction, product, where, self.show_attributes)
        if self.at == "sub" and product is not None:
            return sub_page(instruction, product, self.sub)
        if self.at == "done" and self.receipt is not None:
            return done_page(self.asin, self.options, self.receipt.total)
        return search_page(instruction)
