"""The scripted expert: what a teacher who knows what is wanted would have done.

| level | corrects | goes by | says |
|---|---|---|---|
| 1 | every step | the shopper's rules, nothing hidden | what is seen |
| 2 | steps that bring nothing | the same | what is seen |
| 3 | steps that bring nothing | what each product would bring | what is seen |
| 4 | the same | the same, and searches as the store files it | hints at that |
| 5 | every step | straight to the example product | which it is |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leap_core import Observation, PrivilegedState, Proposal, Step, Trajectory
from leap_webshop import reasons
from leap_webshop.reading import Offer, keywords, offers, option_clicks, page_kind
from leap_webshop.shopper import decide

PATIENCE = 10
"""From this step on the best that is at hand is bought."""
GOOD = 0.999
_SLACK = 0.001
_LAST_PAGE = 2
"""Pages of results that are worth turning to."""

Facts = Mapping[str, Any]


class Expert:
    """Corrects a student's trajectory by the goal behind its instruction."""

    def correct(
        self, trajectory: Trajectory, states: Sequence[PrivilegedState], level: int
    ) -> list[Proposal]:
        """Propose an action and a reason for each step; one that brings enough, as it was."""
        proposals = []
        instruction = trajectory.task.goal
        for t, (step, state) in enumerate(zip(trajectory.steps, states, strict=True)):
            history, seen = trajectory.steps[:t], step.observation
            if page_kind(seen) == "done":
                continue
            after = states[t + 1].facts if t + 1 < len(states) else {}
            if 2 <= level <= 4 and brings(state.facts, seen, step.action, t, after):
                proposals.append(Proposal(step=t, reason=step.reason, action=step.action))
                continue
            reason, action = advise(instruction, history, seen, state.facts, level)
            proposals.append(Proposal(step=t, reason=reason, action=action))
        return proposals


def advise(
    instruction: str, history: Sequence[Step], seen: Observation, facts: Facts, level: int
) -> tuple[str, str]:
    """The reason and action that the expert of a level gives."""
    if level <= 2:
        decision = decide(instruction, history, seen)
        return reasons.unprivileged(decision), decision.action
    if level <= 4:
        return _realizable(instruction, history, seen, facts, level)
    return _straight(instruction, history, seen, facts)


def brings(facts: Facts, seen: Observation, action: str, t: int, after: Facts) -> bool:
    """Whether the student's action is as good as the expert's would be; `after`: what it led to."""
    kind = page_kind(seen)
    if kind == "search":
        if action == f"search[{facts['best_query']}]":
            return True
        return bool(
            max(after.get("worth", {}).values(), default=-1.0) >= facts["best_found"] - _SLACK
        )
    if kind == "results":
        wanted = _open(facts, seen, t)
        if wanted is None:
            return False
        worth = _worths(facts, seen)
        return worth.get(action, -1.0) >= worth[wanted.action] - _SLACK
    if kind == "item":
        if action == "click[buy now]":
            return _buys(facts, t) and not facts["to_choose"]
        return action in {f"click[{value}]" for value in facts["to_choose"]} and _buys(facts, t)
    return action == "click[< prev]"


def _realizable(
    instruction: str, history: Sequence[Step], seen: Observation, facts: Facts, level: int
) -> tuple[str, str]:
    """Level 3: what is best here, for reasons that are plain to see. Level 4 hints."""
    kind, t = page_kind(seen), len(history)
    if kind == "search":
        if level == 4:
            filed = f"{facts['query']} {' '.join(facts['attributes'])}"
            return reasons.hinted(facts["query"]), f"search[{filed}]"
        return reasons.search(facts["best_query"]), f"search[{facts['best_query']}]"
    if kind == "results":
        offer = _open(facts, seen, t)
        if offer is not None:
            return reasons.open_item(offer.title), offer.action
        if _better_page(facts):
            return reasons.more(), "click[next >]"
        return reasons.again(), "click[back to search]"
    if kind == "item":
        return _on_item(instruction, seen, facts, t)
    return reasons.read(), "click[< prev]"


def _on_item(instruction: str, seen: Observation, facts: Facts, t: int) -> tuple[str, str]:
    if not _buys(facts, t):
        return reasons.leave(), "click[< prev]"
    value = _option(facts, seen)
    if value is not None:
        words = set(keywords(instruction))
        return reasons.choose(value, words.issuperset(keywords(value))), f"click[{value}]"
    return reasons.buy(facts["reachable"] >= GOOD), "click[buy now]"


def _straight(
    instruction: str, history: Sequence[Step], seen: Observation, facts: Facts
) -> tuple[str, str]:
    """Level 5: to the example product by its title."""
    kind, title = page_kind(seen), str(facts["title"])
    reason = reasons.straight(title)
    if kind == "search":
        return reason, f"search[{_searchable(title)}]"
    if kind == "results":
        place = list(facts["worth"]).index(facts["asin"]) if facts["asin"] in facts["worth"] else -1
        shown = offers(seen)
        if 0 <= place < len(shown):
            return reason, shown[place].action
        if len(history) < PATIENCE:
            return reason, "click[back to search]"
        return _realizable(instruction, history, seen, facts, 3)
    if kind == "item":
        if facts["is_goal"] or len(history) >= PATIENCE:
            value = _option(facts, seen)
            return reason, f"click[{value}]" if value is not None else "click[buy now]"
        return reason, "click[< prev]"
    return reason, "click[< prev]"


def _searchable(title: str) -> str:
    return " ".join(title.replace("[", " ").replace("]", " ").lower().split())


def _worths(facts: Facts, seen: Observation) -> dict[str, float]:
    """What each product that is listed can bring, by the action that opens it."""
    return {
        offer.action: worth
        for offer, worth in zip(offers(seen), facts["worth"].values(), strict=False)
    }


def _open(facts: Facts, seen: Observation, t: int) -> Offer | None:
    """The product to open on this page; None if none here is worth it."""
    shown = offers(seen)
    worths = list(facts["worth"].values())
    if not shown or not worths:
        return None
    best = max(range(min(len(shown), len(worths))), key=lambda i: worths[i])
    elsewhere = max(_other_pages(facts), default=0.0)
    if t < PATIENCE and worths[best] + _SLACK < elsewhere:
        return None
    return shown[best] if worths[best] > 0 else None


def _other_pages(facts: Facts) -> list[float]:
    """What the following pages that are worth turning to can bring."""
    shown = int(facts["pages"]["shown"])
    return [
        worth
        for number, worth in facts["pages"].items()
        if number != "shown" and shown < int(number) <= _LAST_PAGE
    ]


def _better_page(facts: Facts) -> bool:
    return bool(max(_other_pages(facts), default=0.0) > max(facts["worth"].values(), default=0.0))


def _buys(facts: Facts, t: int) -> bool:
    """Whether this product is to be bought: nothing better was seen, or time runs out."""
    if t >= PATIENCE:
        return True
    return bool(facts["reachable"] > 0 and facts["reachable"] + _SLACK >= facts["opened"])


def _option(facts: Facts, seen: Observation) -> str | None:
    """The next option to choose, of those that can be clicked."""
    listed = option_clicks(seen)
    open_list = any(template.startswith("click[") for template in seen.templates)
    return next((v for v in facts["to_choose"] if v in listed or open_list), None)
