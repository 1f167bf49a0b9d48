"""The sentences that demonstrations and corrections give as reasons. Tune them here.

They are short and regular, so that a small student can learn to write them, and the same whoever
gives them: a correction differs from a demonstration in what it does, not in its words. Those up to
level 3 say only what the pages seen so far show.
"""

from __future__ import annotations

from leap_webshop.decision import Decision


def unprivileged(decision: Decision) -> str:
    """Why the shopper acts so."""
    if decision.purpose == "search":
        return search(decision.thing)
    if decision.purpose == "open":
        return open_item(decision.thing)
    if decision.purpose == "choose":
        return choose(decision.thing, named=True)
    if decision.purpose == "buy":
        return buy(good=True)
    if decision.purpose == "return":
        return again()
    return read()


def search(query: str) -> str:
    """Why to search for these words of the instruction."""
    return f"I look for {query}."


def open_item(title: str) -> str:
    """Why to open a product."""
    return f"{title.lower()} sounds most like what is asked, so I open it."


def choose(value: str, named: bool) -> str:
    """Why to choose an option."""
    if named:
        return f"{value} is asked for, so I choose it."
    return f"{value} is the nearest to what is asked, so I choose it."


def buy(good: bool) -> str:
    """Why to buy now."""
    if good:
        return "All that is asked for is chosen, so I buy it."
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
