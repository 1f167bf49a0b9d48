"""The public API changes on purpose only, and is documented where users look for it."""

from __future__ import annotations

import difflib
import inspect
import re
from pathlib import Path

import pytest

import leap_core
from tests.public_api import SNAPSHOT, public_api

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_public_api_is_as_recorded() -> None:
    recorded = SNAPSHOT.read_text(encoding="utf-8")
    difference = "\n".join(
        difflib.unified_diff(
            recorded.splitlines(), public_api().splitlines(), "recorded", "now", "", "", 2, ""
        )
    )
    assert not difference, (
        f"the public API has changed:\n{difference}\nIf this is meant, see docs/stability.md, note "
        "it in CHANGELOG.md and run: python -m tests.public_api"
    )


@pytest.mark.parametrize("name", [n for n in leap_core.__all__ if not n.startswith("_")])
def test_every_public_class_and_function_says_what_it_is(name: str) -> None:
    value = getattr(leap_core, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__ and not value.__doc__.startswith(f"{name}("), "no docstring"


def test_the_policy_names_the_api_version_that_there_is() -> None:
    (version,) = re.findall(r"API version is \*\*(\d+)\*\*", (DOCS / "stability.md").read_text())
    assert int(version) == leap_core.API_VERSION
