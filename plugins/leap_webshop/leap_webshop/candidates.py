"""What a student may click, in the words that it is shown."""

from __future__ import annotations

import random
from collections.abc import Mapping

from leap_webshop.session import Session

SEARCH = "search[<search query>]"
OTHER_OPTION = "click[<option on the page>]"
_FIRST, _MORE = 6, 10


def clicks(session: Session, item_names: bool) -> dict[str, str]:
    """Shown action -> action of the store, for everything that can be clicked here.

    With `item_names` a product is `click[item - title]`; of two with the same title on a page, the
    second's id is added.
    """
    if session.at in ("search", "done"):
        return {}
    named: dict[str, str] = {}
    titles = {p.asin.lower(): p.title.lower() for p in session.shown()} if item_names else {}
    for name in session.page.clickables():
        shown = name
        if name in titles:
            shown = f"item - {titles[name]}"
            if f"click[{shown}]" in named:
                shown = f"{shown} ({name})"
        named[f"click[{shown}]"] = f"click[{name}]"
    return named


def shortened(named: Mapping[str, str], most: int | None, key: str) -> tuple[str, ...]:
    """The shown actions; of too many, the buttons and ten others, by lot: the same for a `key`.

    The paper's agent kept the first six, which are all the buttons of a product's page.
    """
    names = tuple(named)
    if most is None or len(names) <= most:
        return names
    first = _FIRST + ("click[attributes]" in named)
    chosen = set(random.Random(f"candidates {key}").sample(names[first:], _MORE))
    return (*names[:first], *(name for name in names[first:] if name in chosen))
