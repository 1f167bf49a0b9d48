"""The page about updaters names the options that there are, and the presets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leap_core.training.options import PAPER
from leap_core.updaters.distill import DistillOptions
from leap_core.updaters.preferences import DPOOptions, KTOOptions
from leap_core.updaters.sft import SFTOptions

PAGE = Path(__file__).parents[2] / "docs" / "updaters.md"


@pytest.mark.skipif(not PAGE.exists(), reason="not in a checkout")
def test_every_option_and_preset_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("## Options")[2].partition("## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, flags=re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    options = (SFTOptions, DPOOptions, KTOOptions, DistillOptions)
    assert named == {name for one in options for name in one.model_fields}
    assert all(f"`{name}`" in table for name in PAPER)
