"""The sentences that demonstrations and corrections give as reasons. Tune them here.

They are short and regular, so that a small student can learn to write them. Those up to level 3
say only what the pages seen so far show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leap_webshop.reading import limit

if TYPE_CHECKING:
    from leap_webshop.shopper import Decision


def unprivileged(decision: Decision, instruction: str) -> str:
    """Why the shopper acts so."""
    thing = decision.thing
    if decision.purpose == "search":
        return f"I look for {thing}."
    if decision.purpose == "open":
        return f"{thing.lower()} sounds most like what is asked, so I open it."
    if decision.purpose == "choose":
        return f"{thing} is asked for, so I choose it."
    if decision.purpose == "buy":
        return "All that is asked for is chosen, so I buy it."
    if decision.purpose == "return":
        return "Nothing is found, so I search again."
    return "I have read this page, so I go back."


def search(query: str) -> str:
    """Why to search for these words of the instruction."""
    return f"The telling words of the instruction are {query}, so I search for them."


def open_item(title: str, price: float, instruction: str) -> str:
    """Why to open a product, by what the page of results shows."""
    most = limit(instruction)
    if price > most:
        return f"{title.lower()} is the nearest to what is asked here, so I open it."
    within = f", below {most:.2f}" if most != float("inf") else ""
    return f"{title.lower()} fits what is asked and costs {price:.2f}{within}, so I open it."


def choose(value: str, named: bool) -> str:
    """Why to choose an option."""
    if named:
        return f"The instruction asks for {value}, so I choose it."
    return f"{value} is the nearest to what is asked, so I choose it."


def buy(good: bool) -> str:
    """Why to buy now."""
    if good:
        return "This is what is asked for and every option is chosen, so I buy it."
    return "This is near to what is asked, and more searching costs more than it brings: I buy it."


def more() -> str:
    """Why to turn the page."""
    return "Nothing on this page fits well enough, so I look at the next page."


def leave() -> str:
    """Why to leave a product."""
    return "This does not fit what is asked well enough, so I go back to the results."


def again() -> str:
    """Why to search anew."""
    return "These results do not fit what is asked, so I search with better words."


def read() -> str:
    """Why to leave a sub-page."""
    return "I have read this page, so I go back to the product."


def hinted(kind: str) -> str:
    """A reason that knows more than it should: how the store files what is wanted."""
    return f"The store files what is wanted under {kind}, so I go by that."


def straight(title: str) -> str:
    """A reason that tells the product."""
    return f"The product wanted is {title}, so I go straight for it."
