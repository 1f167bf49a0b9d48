"""A trajectory as a teacher reads it: JSON text, in windows that fit the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leap_core import PrivilegedState, Step, Trajectory

SAME = "as at step {}"


SHORTENED = "… [shortened]"


def attempt(trajectory: Trajectory, asked: Sequence[int], longest: int | None = None) -> str:
    """The attempt as JSON, one step a line.

    Steps asked about have everything; those before have what was seen (up to `longest`
    characters) and done; those after the last are left out, since no correction may rest on them.
    """
    lines = [f' "task": {_json(trajectory.task.goal)},', ' "steps": [']
    shown: dict[tuple[str, ...], int] = {}
    end = max(asked) + 1
    for number, step in enumerate(trajectory.steps[:end]):
        record = _full(number, step, shown) if number in asked else _brief(number, step, longest)
        lines.append(f"  {_json(record)}{',' if number + 1 < end else ''}")
    return "{\n" + "\n".join(lines) + "\n ]}"


def record(trajectory: Trajectory, end: int) -> str:
    """What was seen and done in the first `end` steps, as JSON, one step a line."""
    steps = [_json(_brief(n, step)) for n, step in enumerate(trajectory.steps[:end])]
    task = f' "task": {_json(trajectory.task.goal)},'
    return "{\n" + task + '\n "steps": [\n  ' + ",\n  ".join(steps) + "\n ]}"


def fitting_attempt(trajectory: Trajectory, asked: Sequence[int], room: int) -> str:
    """The attempt, with what was seen earlier shortened if it is longer than `room` characters."""
    text = ""
    for longest in (None, 1000, 300, 80):
        text = attempt(trajectory, asked, longest)
        if len(text) <= room:
            break
    return text


def hidden(states: Sequence[PrivilegedState], asked: Sequence[int]) -> list[Mapping[str, Any]]:
    """The privileged state at the steps asked about, each time that it changes."""
    parts: list[Mapping[str, Any]] = []
    for step in asked:
        text = states[step].text
        if not parts or parts[-1]["text"] != text:
            parts.append({"step": step, "text": text})
    return parts


def windows(
    trajectory: Trajectory, asked: Sequence[int], room: int, most: int
) -> Iterator[tuple[int, ...]]:
    """Split the steps asked about into runs whose transcripts take at most `room` characters.

    No run has more than `most` steps. A run of one step may take more than the room.
    """
    run: list[int] = []
    for step in asked:
        longer = [*run, step]
        if run and (len(longer) > most or len(attempt(trajectory, longer)) > room):
            yield tuple(run)
            run = [step]
        else:
            run = longer
    if run:
        yield tuple(run)


def _full(number: int, step: Step, shown: dict[tuple[str, ...], int]) -> dict[str, Any]:
    seen = step.observation
    record: dict[str, Any] = {"step": number, "observation": seen.text}
    if seen.candidates:
        first = shown.setdefault(seen.candidates, number)
        again = SAME.format(first)
        record["available_actions"] = list(seen.candidates) if first == number else again
    if seen.templates:
        record["action_forms"] = list(seen.templates)
    return {**record, "reason": step.reason, "action": step.action}


def _brief(number: int, step: Step, longest: int | None = None) -> dict[str, Any]:
    seen = step.observation.text
    if longest is not None and len(seen) > longest:
        seen = seen[:longest] + SHORTENED
    return {"step": number, "observation": seen, "action": step.action}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
