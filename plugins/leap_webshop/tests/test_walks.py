"""Upstream's own environment, recorded, against ours: pages, clicks and rewards."""

from __future__ import annotations

import json
from typing import Any

from leap_webshop.goals import Goal
from leap_webshop.nouns import noun_rule
from leap_webshop.session import Session


def as_goal(recorded: dict[str, Any]) -> Goal:
    return Goal(
        asin=recorded["asin"],
        instruction=recorded["instruction_text"],
        attributes=tuple(recorded["attributes"]),
        options=tuple((name, value) for name, value in recorded["goal_options"]),
        price_upper=recorded["price_upper"],
        title=recorded["name"],
        query=recorded["query"],
        product_category=recorded["product_category"],
        category=recorded["category"],
    )


def test_recorded_walks_are_repeated(official, official_dir):
    """1,864 steps through the unmodified environment: the same texts, clicks and rewards.

    The recording took every word for a noun, and its own process's prices.
    """
    recorded = json.loads((official_dir / "walks.json").read_text(encoding="utf-8"))
    prices = recorded["prices"]
    steps = differing = bought = 0
    for walk in recorded["walks"]:
        session = Session(
            official.catalogue, as_goal(walk["goal"]), lambda p: prices[p.asin], noun_rule("every")
        )
        assert session.page.text() == walk["first_observation"]
        assert list(session.page.clickables()) == walk["first_clickables"]
        for step in walk["steps"]:
            session.act(step["action"])
            steps += 1
            page = session.page
            same = page.text() == step["observation"]
            differing += not same or list(page.clickables()) != step["clickables"]
            if step["done"]:
                bought += 1
                assert session.receipt is not None
                assert abs(session.receipt.total - step["reward"]) < 1e-12
    assert steps == 1864
    assert bought >= 9
    assert differing <= 0.002 * steps


def test_recorded_goals_are_among_ours(official, official_dir):
    """The same instructions, but for the price limit that upstream draws anew in each process."""
    recorded = json.loads((official_dir / "walks.json").read_text(encoding="utf-8"))
    goals = [official.goal_at(place) for place in range(6910)]
    ours = {(g.asin, g.options): g for g in goals}
    for walk in recorded["walks"]:
        theirs = as_goal(walk["goal"])
        found = ours[theirs.asin, theirs.options]
        assert found.attributes == theirs.attributes
        cut = ", and price lower than "
        assert found.instruction.split(cut)[0] == theirs.instruction.split(cut)[0]


def test_the_official_small_set(official, official_dir):
    catalogue = official.catalogue
    assert len(catalogue) == 1000
    assert catalogue.goals("synthetic") == 6910
    assert catalogue.goals("human") == 13
    assert [len(official.tasks(split)) for split in ("test", "valid", "train")] == [500, 1000, 5410]
    assert {p.asin for p in map(catalogue.at, range(1000))} == set(
        json.loads((official_dir / "walks.json").read_text(encoding="utf-8"))["prices"]
    )
