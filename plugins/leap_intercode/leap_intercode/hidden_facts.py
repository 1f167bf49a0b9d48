"""What would give a task's solution away, for the leak audit.

A command as such is what the student is to learn; with what it has found out, it may be told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from leap_core import Fact

_SECRET_LINES = 40
_SECRET_ROWS = 20
_SHORTEST = 3
_PATH = re.compile(r"/[\w.+-]+(?:/[\w.+-]+)+")
_NAME = re.compile(r"[A-Za-z_][\w]*_[\w]+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def bash_secrets(gold: str, hidden: str, output: str, goal: str, number: int) -> list[str | Fact]:
    """Return the paths that the task does not tell, with their folders, and the answer.

    Before anything was looked at (`number` 0), the gold command too.
    """
    paths = [hidden] if hidden else []
    for path in _PATH.findall(gold):
        folder, _, name = path.rpartition("/")
        if path not in goal and not (folder in goal and name in goal):
            paths.append(path)
    secrets: list[str | Fact] = [fact for path in paths for fact in _path(path, goal)]
    lines = [line.strip() for line in output.splitlines()[:_SECRET_LINES]]
    if len(lines) == 1 and _NUMBER.fullmatch(lines[0]):
        secrets.append(Fact(kind="answer", value=(lines[0],)))
    else:
        for line in lines:
            if len(line) >= _SHORTEST and line not in goal:
                secrets += [line, *_base_name(line, goal)]
    if number == 0:
        secrets.append(gold)
    return list(dict.fromkeys(secrets))


def sql_secrets(
    gold: str, answer: Sequence[Sequence[object]] | str | None, goal: str, number: int
) -> list[str | Fact]:
    """Return names that only the schema tells, and the answer's values.

    Before anything was looked at (`number` 0), the gold query too.
    """
    secrets: list[str | Fact] = [
        name for name in _NAME.findall(gold) if name.lower() not in goal.lower()
    ]
    if answer is not None and not isinstance(answer, str):
        values = [str(value) for row in answer[:_SECRET_ROWS] for value in row]
        alone = len(values) == 1
        for value in values:
            if _NUMBER.fullmatch(value):
                secrets += [Fact(kind="answer", value=(value,))] if alone else []
            elif len(value) >= _SHORTEST and value not in goal:
                secrets.append(Fact(kind="name", value=(value,)))
    if number == 0:
        secrets.append(gold)
    return list(dict.fromkeys(secrets))


def _path(path: str, goal: str) -> list[Fact]:
    """A hidden path, the folder around it, and that its file is there."""
    pure = PurePosixPath(path)
    folder, leaf = str(pure.parent), pure.parent.name
    facts = [Fact(kind="name", value=(path,))]
    if folder not in goal and folder.count("/") > 1:
        facts.append(Fact(kind="place", subject=(pure.name, "file"), value=(folder, leaf)))
    return facts


def _base_name(line: str, goal: str) -> list[Fact]:
    name = line.rpartition("/")[2]
    plain = "/" not in line or len(name) < _SHORTEST or name in goal or " " in name
    return [] if plain else [Fact(kind="name", value=(name,))]
