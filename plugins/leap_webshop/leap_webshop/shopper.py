"""A shopper that knows no more than a student: searches, opens the likeliest product, buys it."""

from __future__ import annotations

from collections.abc import Sequence

from leap_core import Observation, ScriptedPolicy, Step, Task
from leap_webshop import reasons
from leap_webshop.analysis import analyze
from leap_webshop.decision import Decision
from leap_webshop.reading import (
    Offer,
    chosen,
    keywords,
    limit,
    offers,
    option_groups,
    page_kind,
    title_and_price,
    without_limit,
)


class Shopper(ScriptedPolicy):
    """Goes straight: one search, the product whose title says most of what is asked, buy."""

    def act(self, task: Task, history: Sequence[Step], observation: Observation) -> tuple[str, str]:
        """Return (reason, action)."""
        decision = decide(task.goal, history, observation)
        return reasons.unprivileged(decision), decision.action


def decide(instruction: str, history: Sequence[Step], observation: Observation) -> Decision:
    """What the shopper does, from the instruction and what was seen."""
    kind = page_kind(observation)
    if kind == "search":
        return Decision(f"search[{query(instruction)}]", "search", query(instruction))
    if kind == "results":
        best = likeliest(instruction, offers(observation))
        if best is None:
            return Decision("click[back to search]", "return")
        return Decision(best.action, "open", best.title)
    if kind == "item":
        value = next_option(instruction, history, observation)
        if value is not None:
            return Decision(f"click[{value}]", "choose", value)
        return Decision("click[buy now]", "buy", title_and_price(observation)[0])
    return Decision("click[< prev]", "back")


def query(instruction: str) -> str:
    """What to search for: the telling words of the instruction, up to its list of options."""
    asked = without_limit(instruction).split(",")[0]
    return " ".join(keywords(asked) or keywords(instruction)) or "product"


def likeliest(instruction: str, found: Sequence[Offer]) -> Offer | None:
    """The affordable product whose title holds most of the instruction's words."""
    wanted = set(analyze(" ".join(keywords(instruction))))
    most = limit(instruction)

    def fit(offer: Offer) -> tuple[bool, int]:
        return offer.price <= most, len(wanted.intersection(analyze(offer.title)))

    return max(found, key=fit, default=None)


def next_option(instruction: str, history: Sequence[Step], observation: Observation) -> str | None:
    """The longest value that the instruction names, of a group that nothing was chosen of."""
    clicked = set(chosen(history))
    asked = f" {' '.join(analyze(without_limit(instruction)))} "
    for values in option_groups(observation).values():
        if clicked.intersection(values):
            continue
        named = [v for v in values if f" {' '.join(analyze(v))} " in asked]
        if named:
            return max(named, key=len)
    return None
