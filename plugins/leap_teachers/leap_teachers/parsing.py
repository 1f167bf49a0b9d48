"""From a model's answer to proposals, step by step: nothing usable is lost, nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from leap_core import Proposal
from leap_teachers.relaxed_json import Doubtful, Unreadable, read_value

_STEP = ("step", "timestep", "time_step", "index", "t")
_REASON = ("reason", "corrected_reason", "improved_reason", "new_reason")
_ACTION = ("action", "corrected_action", "improved_action", "new_action")
_CHANGED = ("changed", "is_corrected", "corrected", "is_changed")
_SUMMARY = re.compile(r"""["']?summary["']?\s*:\s*(?=["'])""", re.IGNORECASE)
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_LONGEST = 200_000
_MOST_STARTS = 5_000


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer held: at most one proposal a step, in order of steps.

    `problems` says in words what could not be used; `missing` are the steps asked about that
    have no entry.
    """

    proposals: tuple[Proposal, ...]
    summary: str
    problems: tuple[str, ...]
    missing: tuple[int, ...]


def parse_corrections(text: str, asked: Sequence[int]) -> Parsed:
    """Read a whole-trajectory answer about the steps `asked`. Never raises.

    Every entry that stands whole in the text is found, whatever surrounds it; of several about
    one step the last counts. An entry without a step number counts only when no entry has one
    and there are as many as were asked for.
    """
    text = _THOUGHTS.sub(" ", text[:_LONGEST])
    entries = list(_entries(text))
    problems: list[str] = []
    proposals: dict[int, Proposal] = {}
    for entry, step in zip(entries, _number(entries, asked), strict=True):
        if step is None:
            problems.append("an entry without a step")
        elif step not in asked:
            problems.append(f"step {step}: not asked about")
        else:
            proposal = _proposal(entry, step)
            if isinstance(proposal, str):
                problems.append(f"step {step}: {proposal}")
                continue
            if proposals.get(step, proposal) != proposal:
                problems.append(f"step {step}: two different entries, the last is used")
            proposals[step] = proposal
    missing = tuple(step for step in asked if step not in proposals)
    if missing:
        problems.append(f"no usable entry for step(s) {', '.join(map(str, missing))}")
    in_order = tuple(proposals[step] for step in sorted(proposals))
    return Parsed(in_order, _summary(text), tuple(problems), missing)


def parse_reasons(text: str, asked: Sequence[int]) -> dict[int, str]:
    """Read an answer that gives reasons only, by step; what cannot be read is left out."""
    entries = list(_entries(_THOUGHTS.sub(" ", text[:_LONGEST])))
    numbered = zip(entries, _number(entries, asked), strict=True)
    found = {step: _pick(entry, _REASON) for entry, step in numbered if step in asked}
    return {
        step: reason.strip()
        for step, reason in found.items()
        if step is not None and isinstance(reason, str) and reason.strip()
    }


def find_objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield every whole object that stands in the text, outermost first, none twice."""
    place, starts = text.find("{"), 0
    while place >= 0 and starts < _MOST_STARTS:
        starts += 1
        try:
            found, end = read_value(text, place)
        except (Unreadable, RecursionError):
            end = place + 1
        else:
            yield found
        place = text.find("{", end)


def _entries(text: str) -> Iterator[dict[str, Any]]:
    for found in find_objects(text):
        yield from _entries_of(found)


def _entries_of(value: Any) -> Iterator[dict[str, Any]]:
    """Entries at any depth: an entry itself, or those in the lists and objects of a wrapper."""
    if isinstance(value, list):
        for item in value:
            yield from _entries_of(item)
    elif isinstance(value, dict):
        folded = {str(name).lower(): item for name, item in value.items()}
        like_one = _pick(folded, (*_REASON, *_ACTION, *_CHANGED)) is not None
        if like_one and _pick(folded, _STEP) is not None:
            yield folded
            return
        inner = [entry for item in value.values() for entry in _entries_of(item)]
        yield from inner or ([folded] if like_one else [])


def _number(entries: Sequence[dict[str, Any]], asked: Sequence[int]) -> list[int | None]:
    given = [_as_step(_pick(entry, _STEP)) for entry in entries]
    if len(entries) == len(asked) and all(step is None for step in given):
        return list(asked)
    return given


def _as_step(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(?:(?:time)?step\s*)?#?(\d{1,6})\s*", value, re.IGNORECASE)
        return int(found.group(1)) if found else None
    return None


def _proposal(entry: dict[str, Any], step: int) -> Proposal | str:
    """The proposal that an entry makes, or why it makes none."""
    changed = _as_bool(_pick(entry, _CHANGED))
    if changed is False:
        return Proposal(step=step, reason="", action="", changed=False)
    reason, action = _pick(entry, _REASON), _pick(entry, _ACTION)
    if not isinstance(reason, str) or not isinstance(action, str):
        return "the entry lacks a reason or an action"
    if isinstance(action, Doubtful):
        return "a backslash in the action can be read in two ways"
    return Proposal(step=step, reason=str(reason), action=action, changed=changed)


def _as_bool(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _pick(entry: dict[str, Any], names: Sequence[str]) -> Any:
    return next((entry[name] for name in names if entry.get(name) is not None), None)


def _summary(text: str) -> str:
    found = _SUMMARY.search(text)
    if found is None:
        return ""
    try:
        value, _ = read_value(text, found.end())
    except Unreadable:
        return ""
    return str(value) if isinstance(value, str) else ""
