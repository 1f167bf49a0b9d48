"""The store's pages and what clicks do, including those that do nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_webshop.session import parse_action

RESULTS = """Instruction:
a green mug
[button] Back to Search [button_]
Page 1 (Total results: 2)
[button] Next > [button_]

[button] B000000002 [button_]
Green Glass Mug
$100.0

[button] B000000001 [button_]
Blue Steel Mug
$10.0 to $20.0
"""
ITEM = """You have clicked green.
Instruction:
a green mug
[button] Back to Search [button_]
[button] < Prev [button_]
color
  [button] red | blue [button_]
  [clicked button] green [clicked button_]
Blue Steel Mug
Price: $10.0 to $20.0
Rating: N.A.
[button] Description [button_]
[button] Features [button_]
[button] Reviews [button_]
[button] Buy Now [button_]
"""


def walk(session, *actions):
    for action in actions:
        session.act(action)
    return session


def test_a_visit_from_search_to_receipt(visit):
    session = visit()
    assert session.page.text() == (
        "WebShop\nInstruction: \na green mug\n[button] Search [button_]\n"
    )
    assert session.page.clickables() == ("search",)
    assert walk(session, "search[glass mug]").page.text() == RESULTS
    assert session.page.clickables() == ("back to search", "next >", "b000000002", "b000000001")
    assert walk(session, "click[b000000001]", "click[green]").page.text() == ITEM
    assert session.page.clickables() == (
        "back to search", "< prev", "description", "features", "reviews", "buy now",
        "red | blue", "green",
    )  # fmt: skip
    receipt = walk(session, "click[Buy Now]").page.text()
    assert session.receipt.total == 1.0
    assert 'B000000001\noptions\n{"color": "green"}\n' in receipt
    assert "Your score (min 0.0, max 1.0)\n1.0\n" in receipt
    assert session.page.clickables() == ()


def test_text_mode_joins_the_pieces(visit):
    session = walk(visit(), "search[oak shelf]")
    assert session.page.text("text") == (
        "Instruction: [SEP] a green mug [SEP] Back to Search [SEP] Page 1 (Total results: 1) "
        "[SEP] Next > [SEP] B000000003 [SEP] Oak Shelf [SEP] $10.0"
    )


def test_sub_pages(visit):
    session = walk(visit(show_attributes=True), "search[mug]", "click[b000000001]", "click[green]")
    pages = {}
    for name in ("description", "features", "reviews", "attributes"):
        text = walk(session, f"click[{name}]").page.text()
        pages[name] = text.partition("< Prev [button_]\n")[2]
        assert session.page.clickables() == ("back to search", "< prev")
        walk(session, "click[< prev]")
        assert session.options == {"color": "green"}, "a sub-page keeps what was chosen"
    assert pages == {
        "description": "All about Blue Steel Mug.\n",
        "features": " First bullet\n Second bullet\n",
        "reviews": "",
        "attributes": " dishwasher safe\n double walled\ngarden\ncoffee mug\n"
        "Home › Kitchen › Cups\n",
    }


def test_going_back_forgets_what_was_chosen_and_marks_what_was_seen(visit):
    session = walk(visit(), "search[mug]", "click[b000000001]", "click[green]", "click[< prev]")
    assert "[clicked button] B000000001 [clicked button_]" in session.page.text()
    assert walk(session, "click[b000000001]").options == {}
    walk(session, "click[back to search]")
    assert session.visited == set()
    assert session.at == "search"


def test_pages_of_results_never_end(visit):
    session = walk(visit(), "search[mug]", "click[next >]", "click[next >]")
    assert "Page 3 (Total results: 2)\n[button] < Prev [button_]\n" in session.page.text()
    assert session.shown() == []
    assert walk(session, "click[< prev]").number == 2


@pytest.mark.parametrize(
    "action",
    [
        "", "search", "search[]", "click[]", "click[nothing]", "buy now", "[mug]", "Search[mug]",
        "click[b000000001]", "click[search]", "click[green]", "look[mug]", "search[\nmug]", "]" * 9,
        "search[a [b] c]",
    ],
)  # fmt: skip
def test_what_means_nothing_changes_nothing(visit, action):
    session = visit()
    before = session.page.text()
    assert walk(session, action).page.text() == before


def test_a_search_works_on_any_page(visit):
    session = walk(visit(), "search[mug]", "click[b000000001]", "click[green]", "search[shelf]")
    assert (session.at, session.options) == ("results", {})


@pytest.mark.parametrize("word", ["<r>", "<a>", "<c>", "<q>"])
def test_the_back_doors_of_the_search_are_closed(visit, word):
    """Upstream lists products by category or query, or at random, after such a first word."""
    session = walk(visit(), f"search[{word} garden]")
    assert "Total results: 0" in session.page.text()


def test_a_quoted_search_word_shows_an_option_as_chosen(visit):
    """Upstream looks for the value in quotes in the page's address, which holds the search."""
    session = walk(visit(), 'search["green" mug]', "click[b000000001]")
    assert "[clicked button] green [clicked button_]" in session.page.text()
    assert session.options == {}


@given(st.text(max_size=60) | st.text(alphabet="[]acehklrs \n", max_size=60))
def test_actions_are_parsed_as_upstreams_pattern_does(action):
    import re

    found = re.match(r"(.+)\[(.+)\]", action)
    expected = None
    if found and found[1] in ("search", "click"):
        expected = (found[1], found[2].lower())
    assert parse_action(action) == expected


def test_an_enormous_action_is_answered_at_once(visit):
    for action in ("[" * 100_000, "search[" + "mug " * 25_000 + "]", "click[" + "x" * 100_000):
        walk(visit(), action)
