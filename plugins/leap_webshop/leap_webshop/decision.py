"""What a scripted shopper or expert decided, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why: `purpose` is "search", "open", "choose", "buy", "back" or "return"."""

    action: str
    purpose: str
    thing: str = ""
