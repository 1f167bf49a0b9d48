"""Reading pages and instructions as a student sees them: text, no more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from leap_core import Observation, Step

_MARK = re.compile(r"\[(?:clicked )?button_?\] ?| ?\[(?:clicked )?button_\]")
_LIMIT = re.compile(r",? and price lower than (\d+(?:\.\d+)?) dollars")
_WORD = re.compile(r"[^\W_]+(?:['’.&-][^\W_]+)*")
_PRICE = re.compile(r"\$(\d+(?:\.\d+)?)")
_FILLER = frozenset(
    "i i'm im am is are be a an the and or of for to in on with that which it its my me need want "
    "looking look find buy show please can you would like get some something also should has have "
    "having made make really very so from new one ones ideally possible if color size price lower "
    "than dollars under less im i'd id us we our count scent flavor volume length width capacity "
    "style preferably prefer interested searching shopping suitable comes come at by as".split()
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product on a page of results."""

    action: str
    title: str
    price: float


def limit(instruction: str) -> float:
    """The price limit that an instruction names; infinity where it names none."""
    found = _LIMIT.search(instruction)
    return float(found[1]) if found else float("inf")


def without_limit(instruction: str) -> str:
    """The instruction less its price limit."""
    return _LIMIT.sub("", instruction)


def keywords(text: str) -> list[str]:
    """The words of an instruction that tell what is wanted, in order, each once."""
    words = _WORD.findall(without_limit(text).lower())
    return [word for word in dict.fromkeys(words) if word not in _FILLER]


def lines(text: str) -> list[str]:
    """The pieces of a page, in either mode of observation, without their markers."""
    pieces = text.split(" [SEP] ") if " [SEP] " in text else text.split("\n")
    return [plain for piece in pieces if (plain := _MARK.sub("", piece).strip())]


def page_kind(observation: Observation) -> str:
    """ "search", "results", "item", "sub" or "done"."""
    if any(template.startswith("search[") for template in observation.templates):
        return "search"
    if "click[next >]" in observation.candidates:
        return "results"
    if "click[buy now]" in observation.candidates:
        return "item"
    return "sub" if "click[< prev]" in observation.candidates else "done"


def offers(observation: Observation) -> list[Offer]:
    """The products on a page of results, in order."""
    actions = [c for c in observation.candidates if c not in _BUTTONS]
    page = lines(observation.text)
    start = next((i for i, line in enumerate(page) if line == "Next >"), len(page)) + 1
    found: list[Offer] = []
    part: list[str] = []
    for line in page[start:]:
        price = _PRICE.match(line)
        if part and price:
            if len(found) < len(actions):
                title = " ".join(part[1:])
                found.append(Offer(actions[len(found)], title, float(price[1])))
            part = []
        else:
            part.append(line)
    return found


_BUTTONS = frozenset(
    f"click[{name}]"
    for name in (
        "back to search", "< prev", "next >", "description", "features", "reviews", "attributes",
        "buy now",
    )
)  # fmt: skip


def option_clicks(observation: Observation) -> list[str]:
    """Values of options that are listed on a product's page."""
    return [c[6:-1] for c in observation.candidates if c not in _BUTTONS]


def option_groups(observation: Observation) -> dict[str, list[str]]:
    """The listed values by the name of their group, as the page orders them."""
    listed = set(option_clicks(observation))
    groups: dict[str, list[str]] = {}
    page = lines(observation.text)
    for before, line in pairwise(page):
        if line in listed and not line.startswith("You have clicked"):
            if before not in listed:
                groups[before] = []
            if groups:
                groups[next(reversed(groups))].append(line)
    return groups


def chosen(history: Sequence[Step]) -> list[str]:
    """What was clicked since the product that is shown was opened."""
    clicked: list[str] = []
    for step in reversed(history):
        kind = page_kind(step.observation)
        if kind in ("results", "search"):
            break
        if kind == "item" and step.action not in _BUTTONS:
            clicked.append(step.action[6:-1])
    return clicked


def title_and_price(observation: Observation) -> tuple[str, float]:
    """Of a product's page."""
    page = lines(observation.text)
    for before, line in pairwise(page):
        price = _PRICE.search(line)
        if line.startswith("Price: ") and price:
            return before, float(price[1])
    return "", float("inf")
