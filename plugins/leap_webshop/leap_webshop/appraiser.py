"""What products, options and searches are worth for one goal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from leap_core import PrivilegedState
from leap_webshop.catalogue import Catalogue
from leap_webshop.goals import NO_LIMIT, Goal
from leap_webshop.hidden_facts import secrets
from leap_webshop.pages import PAGE_SIZE
from leap_webshop.product import Product
from leap_webshop.reading import keywords, without_limit
from leap_webshop.reward import Reward, option_matches, reward
from leap_webshop.session import Session


class Store(Protocol):
    """The parts of the environment that an appraisal needs."""

    @property
    def catalogue(self) -> Catalogue:
        """The products and their index."""

    def visit(self, goal: Goal) -> Session:
        """Begin a visit for a goal."""

    def price(self, product: Product) -> float:
        """Return a product's price."""


class Appraiser:
    """Says for one goal what products and searches are worth."""

    def __init__(self, webshop: Store, goal: Goal) -> None:
        self.webshop, self.goal = webshop, goal
        self._visit = webshop.visit(goal)
        self._worth: dict[str, float] = {}
        self._query: str | None = None

    def visit(self) -> Session:
        """Begin a new visit for the goal."""
        return self.webshop.visit(self.goal)

    def state(self, session: Session) -> PrivilegedState:
        """The privileged state of a visit as it is now."""
        facts = self.facts(session)
        options = [_value(option) for option in self.goal.options]
        product = self.webshop.catalogue.product(self.goal.asin)
        price = None if product is None else self.webshop.price(product)
        told = secrets(self.goal, options, price, facts, session)
        return PrivilegedState(text=self._write(facts), secrets=told, facts=facts)

    def facts(self, session: Session) -> dict[str, Any]:
        """The goal, and what is worth what on the page that is shown (rewards, 0 … 1)."""
        goal = self.goal
        facts: dict[str, Any] = {
            "asin": goal.asin.lower(),
            "title": goal.title,
            "attributes": list(goal.attributes),
            "options": [_value(option) for option in goal.options],
            "price_upper": goal.price_upper if goal.price_upper < NO_LIMIT else None,
            "query": goal.query,
            "best_query": self.best_query(),
            "best_found": self._finds(self.best_query()),
            "opened": max((self.worth(asin) for asin in session.visited), default=0.0),
        }
        if session.at == "results":
            facts["worth"] = {p.asin.lower(): self.worth(p.asin) for p in session.shown()}
            facts["pages"] = self._pages(session)
        if session.at in ("item", "sub") and session.product is not None:
            product = session.product
            wanted = self.best_options(product)
            facts["now"] = self.bought(product, session.options).total
            facts["reachable"] = self.worth(product.asin)
            facts["is_goal"] = product.asin == goal.asin
            facts["to_choose"] = [
                value for name, value in wanted.items() if session.options.get(name) != value
            ]
        return facts

    def worth(self, asin: str) -> float:
        """The reward of a product bought with the best options."""
        if asin not in self._worth:
            product = self.webshop.catalogue.product(asin)
            best = self.best_options(product) if product is not None else {}
            self._worth[asin] = self.bought(product, best).total if product is not None else 0.0
        return self._worth[asin]

    def bought(self, product: Product, options: dict[str, str]) -> Reward:
        """The reward of a product bought with these options."""
        price = self.webshop.price(product)
        return reward(product, self.goal, price, options, self._visit.nouns)

    def best_options(self, product: Product) -> dict[str, str]:
        """The options that match most of what is wanted; groups that match nothing are left."""
        chosen: dict[str, str] = {}
        left = list(self.goal.options)
        for name, values in product.options.items():
            for option in left:
                value = _nearest(option, name, values)
                if value is not None:
                    chosen[name] = value
                    left.remove(option)
                    break
        return chosen

    def best_query(self) -> str:
        """Of searches with the instruction's own words, the one whose first page has most."""
        if self._query is None:
            wordings = _wordings(self.goal.instruction)
            self._query = max(wordings, key=self._finds) if wordings else self.goal.query
        return self._query

    def _finds(self, query: str) -> float:
        first = self.webshop.catalogue.search(query)[:PAGE_SIZE]
        return max((self.worth(self.webshop.catalogue.at(i).asin) for i in first), default=0.0)

    def _pages(self, session: Session) -> dict[str, float]:
        """The best product on each page of the search that is shown."""
        pages: dict[str, float] = {}
        for place, product in enumerate(session.results()):
            number = str(place // PAGE_SIZE + 1)
            pages[number] = max(pages.get(number, 0.0), self.worth(product.asin))
        return pages | {"shown": float(session.number)}

    def _write(self, facts: dict[str, Any]) -> str:
        goal = self.goal
        most = f"{goal.price_upper:.2f} dollars" if facts["price_upper"] else "none"
        text = [
            "**Instruction:**", goal.instruction,
            "**Attributes wanted:**", *_bullets(goal.attributes),
            "**Options wanted:**", *_bullets(facts["options"]),
            "**Price limit:**", most,
            "**Example product:**", f"{goal.title} ({goal.asin}), searched as '{goal.query}'",
        ]  # fmt: skip
        if "worth" in facts:
            text += ["**Reward that each product on this page can bring:**"]
            text += [f"- {asin}: {worth:.2f}" for asin, worth in facts["worth"].items()]
        if "now" in facts:
            text += ["**This product:**"]
            text.append(
                f"reward {facts['now']:.2f} if bought now, {facts['reachable']:.2f} with the best "
                f"options (still to choose: {', '.join(facts['to_choose']) or 'none'})"
            )
        return "\n".join(text)


def _bullets(items: Sequence[str]) -> list[str]:
    return [f"- {item}" for item in items] or ["- none"]


def _value(option: str | tuple[str, str]) -> str:
    return option if isinstance(option, str) else option[1]


def _nearest(option: str | tuple[str, str], group: str, values: Sequence[str]) -> str | None:
    """The value of a group that fits a wanted option best, if one fits at all."""
    if not isinstance(option, str) and option[0] != group:
        return None
    value = _value(option)
    if value in values:
        return value
    return next((v for v in values if option_matches([v], [option])), None)


def _wordings(instruction: str) -> list[str]:
    """Searches with words of the instruction: before its options, all, and fewer and fewer."""
    asked = keywords(without_limit(instruction).split(",")[0])
    everything = keywords(instruction)
    found = [asked, everything, *(asked[:n] for n in range(len(asked) - 1, 1, -1))]
    return list(dict.fromkeys(" ".join(words) for words in found if words))
