"""Read official `game.tw-pddl` files: JSON that wraps a PDDL problem and a text grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leap_alfworld.errors import GameFileError
from leap_alfworld.model import (
    Game,
    Goal,
    Problem,
    RawObject,
    RawReceptacle,
    Wording,
    compile_game,
)

_TRAITS = frozenset(
    {
        "pickupable",
        "cleanable",
        "heatable",
        "coolable",
        "sliceable",
        "toggleable",
        "isReceptacleObject",
        "isCool",
    }
)
_STATIC = frozenset({"canContain", "openable", "receptacleType", "receptacleAtLocation"})
_KNOWN = (
    _TRAITS
    | _STATIC
    | {
        "atLocation",
        "inReceptacle",
        "inReceptacleObject",
        "objectAtLocation",
        "objectType",
    }
)
_ATOM = re.compile(r"\(\s*([^\s()]+)\s*([^()]*)\)")
_TASK = re.compile(r'"Your task is to: ((?:[^"\\]|\\.)*)"')
_KEYS = ("pddl_domain", "grammar", "pddl_problem")


def load_game(path: str | Path, name: str | None = None) -> Game:
    """Read a game file; `name` defaults to the last three parts of its path.

    Raises:
        GameFileError: the file is unreadable, broken, or not solvable.
    """
    return compile_game(load_problem(path, name))


def load_problem(path: str | Path, name: str | None = None) -> Problem:
    """Read a game file without compiling it. Raises as `load_game` does."""
    path = Path(path)
    try:
        raw = path.read_text(encoding="utf-8")
    except OSError as error:
        raise GameFileError(str(path), "unreadable", f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise GameFileError(str(path), "not text", "is not UTF-8 text") from None
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise GameFileError(str(path), "not JSON", f"is not valid JSON ({error})") from None
    return parse_problem(data, source=str(path), name=name or "/".join(path.parts[-4:-1]))


def parse_problem(data: Any, source: str, name: str) -> Problem:
    """Understand the decoded content of a game file. `source` is what errors name."""
    if not isinstance(data, dict):
        raise GameFileError(source, "not a game", "holds no JSON object")
    missing = [key for key in _KEYS if not isinstance(data.get(key), str)]
    if missing:
        raise GameFileError(source, "missing parts", f"has no text under {', '.join(missing)}")
    if data.get("solvable") is not True:
        raise GameFileError(source, "unsolvable", "is not marked as solvable")
    walkthrough = data.get("walkthrough")
    if walkthrough is not None and not (
        isinstance(walkthrough, list) and all(isinstance(c, str) for c in walkthrough)
    ):
        raise GameFileError(source, "broken walkthrough", "has a walkthrough that is no list")
    wording, task = _read_grammar(data["grammar"], source)
    facts, goal_text = _split_problem(data["pddl_problem"], source)
    return _problem(
        facts,
        name=name,
        goal=_read_goal(goal_text, source),
        task=task,
        wording=wording,
        walkthrough=None if walkthrough is None else tuple(walkthrough),
        source=source,
    )


# -- grammar ------------------------------------------------------------------------------------


def _read_grammar(grammar: str, source: str) -> tuple[Wording, str]:
    task = _TASK.search(grammar)
    if task is None:
        raise GameFileError(source, "no task", 'has no "Your task is to: …" in its grammar')
    put_command = _one(r'action\s+PutObject\s*\{\s*template\s*::\s*"([^"]*)"', grammar)
    told = _one(r'"PutObject\.feedback"\s*:\s*\[\s*\{\s*"rhs"\s*:\s*"([^"]*)"', grammar)
    put_feedback = told.replace("{o.name}", "{o}").replace("{r.name}", "{r}")
    arrive = _one(r'"GotoLocation\.feedback"\s*:\s*\[\s*\{\s*"rhs"\s*:\s*"([^"]*)"', grammar)
    if not (
        _fields(put_command) == {"{o}", "{r}"}
        and put_feedback
        and _fields(put_feedback) <= {"{o}", "{r}"}
        and arrive in _ARRIVALS
    ):
        raise GameFileError(
            source, "unknown wording", "words its commands in a way that no known release does"
        )
    return (
        Wording(
            put_command=put_command,
            put_feedback=put_feedback,
            arrive_at_location=_ARRIVALS[arrive],
            help=_help(grammar),
        ),
        task.group(1),
    )


_ARRIVALS = {
    "You arrive at {lend.name}. #examineReceptacle.feedback#": True,
    "You arrive at {r.name}. #examineReceptacle.feedback#": False,
}


def _fields(template: str) -> set[str]:
    """The fields of a template; a brace that belongs to none is given alone."""
    return set(re.findall(r"\{[^{}]*\}|[{}]", template))


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group(1) if found else ""


def _help(grammar: str) -> str | None:
    block = re.search(r'action\s+help\s*\{\s*template\s*::\s*"help";\s*feedback\s*::\s*"', grammar)
    if block is None:
        return None
    text = grammar[block.end() : grammar.find('"', block.end())]
    if text.startswith("#"):
        rule = r'"help\.feedback"\s*:\s*\[\s*\{\s*"rhs"\s*:\s*"([^"]*)"'
        text = _one(rule, grammar[block.end() :]).replace("\\n", "\n")
    return text.lstrip()


# -- problem ------------------------------------------------------------------------------------


def _split_problem(text: str, source: str) -> tuple[dict[str, list[tuple[str, ...]]], str]:
    start, end = text.find("(:init"), text.find("(:goal")
    if not 0 <= start < end:
        raise GameFileError(source, "broken problem", "has no (:init …) before (:goal …)")
    goal = text[end:]
    if goal.count("(") >= goal.count(")"):
        raise GameFileError(source, "broken problem", "breaks off within its goal")
    facts: dict[str, list[tuple[str, ...]]] = {name: [] for name in _KNOWN}
    for name, arguments in _ATOM.findall(text, start + len("(:init"), end):
        if name in facts:
            facts[name].append(tuple(arguments.split()))
        elif name != "=":
            raise GameFileError(source, "unknown fact", f"states the unknown fact '{name}'")
    return facts, goal


def _read_goal(text: str, source: str) -> Goal:
    kinds = {
        variable: kind.removesuffix("Type").lower()
        for _, variable, kind in re.findall(r"\((objectType|receptacleType) \?(\w+) (\w+)\)", text)
    }
    holder = kinds.get("r", "")
    if "isToggled" in text and "o" in kinds and "ot" in kinds:
        return Goal("look_at_obj_in_light", kinds["o"], lamp_kind=kinds["ot"])
    if "o1" in kinds and holder:
        return Goal("pick_two_obj_and_place", kinds["o1"], holder)
    if "o" in kinds and holder:
        for state, task_type in _GOAL_STATES.items():
            if state in text:
                return Goal(task_type, kinds["o"], holder)
        return Goal("pick_and_place_simple", kinds["o"], holder)
    raise GameFileError(source, "unknown goal", "has a goal of no known task type")


_GOAL_STATES = {
    "(isClean ": "pick_clean_then_place_in_recep",
    "(isHot ": "pick_heat_then_place_in_recep",
    "(isCool ": "pick_cool_then_place_in_recep",
}


def _problem(
    facts: Mapping[str, list[tuple[str, ...]]],
    *,
    name: str,
    goal: Goal,
    task: str,
    wording: Wording,
    walkthrough: tuple[str, ...] | None,
    source: str,
) -> Problem:
    def pairs(predicate: str) -> list[tuple[str, str]]:
        rows = facts[predicate]
        if any(len(row) != 2 for row in rows):
            raise GameFileError(source, "broken fact", f"states '{predicate}' of other than two")
        return rows  # type: ignore[return-value]

    def type_of(row: tuple[str, str]) -> str:
        return row[1].removesuffix("Type")

    start = [place for _, place in pairs("atLocation")]
    if len(start) != 1:
        raise GameFileError(source, "no start", f"says {len(start)} times where the player is")
    receptacle_types = {row[0]: type_of(row) for row in pairs("receptacleType")}
    object_types = {row[0]: type_of(row) for row in pairs("objectType")}
    places = dict(pairs("receptacleAtLocation"))
    whereabouts = dict(pairs("objectAtLocation"))
    contents = tuple(pairs("inReceptacle"))
    openable = {row[0] for row in facts["openable"] if row}
    traits: dict[str, set[str]] = {}
    for trait in _TRAITS:
        for row in facts[trait]:
            if len(row) != 1:
                raise GameFileError(source, "broken fact", f"states '{trait}' of other than one")
            traits.setdefault(row[0], set()).add(trait)

    # A few official files leave an object without a type (an egg that broke); it can be carried.
    loose = {*traits, *whereabouts, *(o for o, _ in contents)} - object_types.keys()
    object_types.update(dict.fromkeys(sorted(loose), ""))
    untyped = {*places, *openable, *(r for _, r in contents)} - receptacle_types.keys()
    if untyped:
        raise GameFileError(source, "missing types", f"gives no type for '{min(untyped)}'")
    for kind, there in (
        (goal.object_kind, object_types),
        (goal.lamp_kind, object_types),
        (goal.receptacle_kind, receptacle_types),
    ):
        if kind and kind not in map(str.lower, there.values()):
            raise GameFileError(source, "missing types", f"has no '{kind}', which its goal needs")
    homeless = receptacle_types.keys() - places.keys()
    if homeless:
        raise GameFileError(source, "no place", f"says nowhere where '{min(homeless)}' stands")
    if not receptacle_types:
        raise GameFileError(source, "empty room", "has no receptacles")

    can_contain: dict[str, set[str]] = {}
    for holder, kind in pairs("canContain"):
        can_contain.setdefault(holder.removesuffix("Type"), set()).add(kind.removesuffix("Type"))
    return Problem(
        name=name,
        goal=goal,
        task=task,
        wording=wording,
        start=start[0],
        receptacles=tuple(
            RawReceptacle(raw, kind, places[raw], raw in openable)
            for raw, kind in receptacle_types.items()
        ),
        objects=tuple(
            RawObject(raw, kind, frozenset(traits.get(raw, ())), whereabouts.get(raw))
            for raw, kind in object_types.items()
        ),
        contents=contents,
        nested=tuple(pairs("inReceptacleObject")),
        can_contain={holder: frozenset(kinds) for holder, kinds in can_contain.items()},
        walkthrough=walkthrough,
    )
