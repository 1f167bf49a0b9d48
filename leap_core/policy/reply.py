"""The student's reply: `REASON: … ACTION: …`, written and read in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ACTION = re.compile(r"^[ \t]*ACTION:[ \t]*", re.MULTILINE | re.IGNORECASE)
_INLINE_ACTION = re.compile(r"\bACTION:[ \t]*")
_REASON = re.compile(r"^\s*REASON:\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """A parsed reply. `well_formed` is false where no ACTION was found; then `action` is ""."""

    reason: str
    action: str
    well_formed: bool


def write_reply(reason: str, action: str) -> str:
    """The text that a student is trained to write."""
    return f"REASON: {' '.join(reason.split())}\nACTION: {action}"


def parse_reply(text: str) -> Reply:
    """Read a reply; never raises.

    The action is what follows the last `ACTION:` at a line's start (else the last one anywhere),
    up to the end of that line; everything inside it is kept as written.
    """
    found = list(_ACTION.finditer(text)) or list(_INLINE_ACTION.finditer(text))
    if not found:
        return Reply(_REASON.sub("", text).strip(), "", False)
    mark = found[-1]
    reason = _REASON.sub("", text[: mark.start()]).strip()
    rest = text[mark.end() :].splitlines()
    action = rest[0].strip() if rest else ""
    return Reply(reason, action, bool(action))
