"""What an observation accepts."""

from __future__ import annotations

import pytest

from leap_core import Observation
from leap_core.types import matches


@pytest.mark.parametrize(
    ("template", "action", "fits"),
    [
        ("search[<query>]", "search[red shoes]", True),
        ("search[<query>]", "search[a [b] c]", True),
        ("search[<query>]", "search[ ]", False),
        ("search[<query>]", "search[]", False),
        ("search[<query>]", "click[red]", False),
        ("move <thing> to <place>", "move cup 1 to shelf 2", True),
        ("move <thing> to <place>", "move  to shelf 2", False),
        ("wait", "wait", True),
    ],
)
def test_a_template_is_filled_with_some_text(template: str, action: str, fits: bool) -> None:
    assert matches(template, action) is fits


def test_an_observation_accepts_what_it_lists_or_anything_where_it_lists_nothing() -> None:
    listed = Observation(text="o", candidates=("look",), templates=("say <words>",))
    assert listed.accepts("look") and listed.accepts("say hello")
    assert not listed.accepts("LOOK")
    assert Observation(text="o").accepts("rm -rf /tmp/x") and not Observation(text="o").accepts(
        "  "
    )
