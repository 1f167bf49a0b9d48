"""Write a game in the official `game.tw-pddl` format, which TextWorld plays and `pddl` reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from leap_alfworld.model import Goal, Problem, Wording
from leap_alfworld.pddl_domain import domain

_ALWAYS_TYPED = ("SinkBasin", "Microwave", "Fridge")
_KNIVES = ("Knife", "ButterKnife")


def write_game(problem: Problem) -> str:
    """The content of a game file."""
    data: dict[str, object] = {
        "pddl_domain": domain(with_help=problem.wording.help is not None),
        "grammar": _grammar(problem.task, problem.wording),
        "pddl_problem": _problem(problem),
        "solvable": True,
    }
    if problem.walkthrough is not None:
        data["walkthrough"] = list(problem.walkthrough)
    return json.dumps(data)


def save_game(problem: Problem, folder: Path) -> Path:
    """Write a game into a folder of its own, as official games are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "game.tw-pddl"
    path.write_text(write_game(problem), encoding="utf-8")
    return path


def folder_name(problem: Problem) -> str:
    """A folder name in the manner of the official ones: task type, object, receptacle."""
    goal = problem.goal
    types = {o.type.lower(): o.type for o in problem.objects}
    types |= {r.type.lower(): r.type for r in problem.receptacles}
    place = types[goal.receptacle_kind or goal.lamp_kind]
    return f"{goal.task_type}-{types[goal.object_kind]}-None-{place}"


# -- problem ----------------------------------------------------------------------------------


def _problem(problem: Problem) -> str:
    name = "".join(c if c.isalnum() else "_" for c in problem.name)
    objects = "\n".join(f"    {id_} - {kind}" for id_, kind in _declared(problem))
    facts = "\n".join(f"    ({' '.join(fact)})" for fact in _facts(problem))
    return (
        f"(define (problem {name})\n(:domain alfred)\n"
        f"(:objects\n{objects}\n)\n(:init\n{facts}\n)\n{_goal(problem)}\n)\n"
    )


def _declared(problem: Problem) -> Iterator[tuple[str, str]]:
    yield "agent1", "agent"
    for o in problem.objects:
        yield o.id, "object"
    for r in problem.receptacles:
        yield r.id, "receptacle"
    places = {r.location for r in problem.receptacles}
    places |= {o.location for o in problem.objects if o.location} | {problem.start}
    for place in sorted(places):
        yield place, "location"
    kinds = {o.type for o in problem.objects if o.type}.union(
        _KNIVES, *problem.can_contain.values()
    )
    for kind in sorted(kinds):
        yield f"{kind}Type", "otype"
    for kind in sorted({r.type for r in problem.receptacles}.union(_ALWAYS_TYPED)):
        yield f"{kind}Type", "rtype"


def _facts(problem: Problem) -> Iterator[tuple[str, ...]]:
    yield "atLocation", "agent1", problem.start
    for r in problem.receptacles:
        yield "receptacleType", r.id, f"{r.type}Type"
        yield "receptacleAtLocation", r.id, r.location
        if r.openable:
            yield "openable", r.id
    for o in problem.objects:
        if o.type:
            yield "objectType", o.id, f"{o.type}Type"
        if o.location:
            yield "objectAtLocation", o.id, o.location
        for trait in sorted(o.traits):
            yield trait, o.id
    for thing, holder in problem.contents:
        yield "inReceptacle", thing, holder
    for inner, outer in problem.nested:
        yield "inReceptacleObject", inner, outer
    for holder, kinds in problem.can_contain.items():
        for kind in sorted(kinds):
            yield "canContain", f"{holder}Type", f"{kind}Type"


def _goal(problem: Problem) -> str:
    goal = problem.goal
    object_type = _type(goal.object_kind, (o.type for o in problem.objects))
    if goal.lamp_kind:
        lamp_type = _type(goal.lamp_kind, (o.type for o in problem.objects))
        return (
            "(:goal (and (exists (?ot - object ?r - receptacle ?a - agent ?l - location) (and"
            f" (objectType ?ot {lamp_type}) (toggleable ?ot) (isToggled ?ot)"
            " (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r)))"
            f" (exists (?o - object ?a - agent) (and (objectType ?o {object_type})"
            " (holds ?a ?o)))))"
        )
    place_type = _type(goal.receptacle_kind, (r.type for r in problem.receptacles))
    if goal.task_type == "pick_two_obj_and_place":
        return (
            "(:goal (and (exists (?r - receptacle) (exists (?o1 - object) (and"
            f" (objectType ?o1 {object_type}) (receptacleType ?r {place_type})"
            " (inReceptacle ?o1 ?r) (exists (?o2 - object) (and (not (= ?o1 ?o2))"
            f" (objectType ?o2 {object_type}) (receptacleType ?r {place_type})"
            " (inReceptacle ?o2 ?r))))))))"
        )
    return (
        "(:goal (and (exists (?r - receptacle) (exists (?o - object) (and"
        f" {_processed(goal)}(objectType ?o {object_type})"
        f" (receptacleType ?r {place_type}) (inReceptacle ?o ?r))))))"
    )


def _processed(goal: Goal) -> str:
    return {
        "pick_clean_then_place_in_recep": "(cleanable ?o) (isClean ?o) ",
        "pick_heat_then_place_in_recep": "(heatable ?o) (isHot ?o) ",
        "pick_cool_then_place_in_recep": "(coolable ?o) (isCool ?o) ",
    }.get(goal.task_type, "")


def _type(kind: str, types: Iterable[str]) -> str:
    return f"{next(t for t in types if t.lower() == kind)}Type"


# -- grammar ----------------------------------------------------------------------------------

_SEEN = "[{o.indefinite + ' ' + o.name | inreceptacle(o:object, r:receptacle)}]"
_HERE = "atlocation(a:agent, l:location) & receptacleatlocation(r:receptacle, l:location)"
_BESIDE = (
    "atlocation(a:agent, l:location) & objectatlocation(o:object, l:location) & "
    "receptacleatlocation(r:receptacle, l:location) & not_inreceptacle(o:object, r:receptacle)"
)

Rules = dict[str, list[dict[str, str]]]


def _rules(task: str, wording: Wording) -> Rules:
    """What is said when: for each name, the first rule whose condition holds."""
    arrived = "{lend.name}" if wording.arrive_at_location else "{r.name}"
    put = wording.put_feedback.replace("{o}", "{o.name}").replace("{r}", "{r.name}")
    plain: dict[str, str] = {
        "intro": "-= Welcome to TextWorld, ALFRED! =-\\n\\n#look.feedback#\\n\\n#task#",
        "task": f"Your task is to: {task}",
        "GotoLocation.feedback": f"You arrive at {arrived}. #examineReceptacle.feedback#",
        "OpenObject.feedback": "You open the {r.name}. #examineReceptacle.feedback#",
        "CloseObject.feedback": "You close the {r.name}.",
        "PickupObject.feedback": "You pick up the {o.name} from the {r.name}.",
        "PutObject.feedback": put,
        "HeatObject.feedback": "You heat the {o.name} using the {r.name}.",
        "CleanObject.feedback": "You clean the {o.name} using the {r.name}.",
        "CoolObject.feedback": "You cool the {o.name} using the {r.name}.",
        "ToggleObject.feedback": "You turn on the {o.name}.",
        "SliceObject.feedback": "You sliced the {co.name} with the {ko.name}.",
        "facing": f"You are facing the [{{r.name | {_HERE}}}]",
        "overview(o)": "{o.indefinite} {o.name}",
        "overview(r)": "{r.indefinite} {r.name or r.id}",
        "list_empty": "nothing",
        "list_separator": ", ",
        "list_last_separator": ", and ",
    }
    rules: Rules = {name: [{"rhs": text}] for name, text in plain.items()}
    rules["inventory.feedback"] = [
        {
            "condition": "holdsany(a:agent)",
            "rhs": "You are carrying: [{o.indefinite + ' ' + o.name | holds(a:agent, o:object)}].",
        },
        {"rhs": "You are not carrying anything."},
    ]
    rules["examineReceptacle.feedback"] = [
        {
            "condition": "openable(r:receptacle) & opened(r:receptacle)",
            "rhs": f"The {{r.name}} is open. In it, you see {_SEEN}.",
        },
        {"condition": "openable(r:receptacle)", "rhs": "The {r.name} is closed."},
        {"rhs": f"On the {{r.name}}, you see {_SEEN}."},
    ]
    rules["look.feedback"] = [
        {"condition": _HERE, "rhs": "#facing#. Next to it, you see #beside#."},
        {"rhs": "You are in the middle of a room. Looking quickly around you, you see #around#."},
    ]
    rules["beside"] = [
        {"condition": _BESIDE, "rhs": f"[{{#overview(o)# | {_BESIDE}}}]"},
        {"rhs": "nothing"},
    ]
    around = "receptacleatlocation(r:receptacle, l:location)"
    rules["around"] = [
        {"condition": around, "rhs": f"[{{#overview(r)# | {around}}}]"},
        {"rhs": "nothing"},
    ]
    rules["examineObject.feedback"] = list(_examination())
    return rules


def _examination() -> Iterator[dict[str, str]]:
    inner = "[{o2.indefinite + ' ' + o2.name | inreceptacleobject(o2:object, o:object)}]"
    yield {
        "condition": "isreceptacleobject(o:object)",
        "rhs": f"This is a normal {{o.name}}. In it, you see {inner}.",
    }
    for conditions, words in (
        ("isclean ishot issliced", "hot and clean sliced"),
        ("isclean iscool issliced", "cool and clean sliced"),
        ("isclean issliced", "clean sliced"),
        ("ishot issliced", "hot sliced"),
        ("iscool issliced", "cool sliced"),
        ("isclean ishot", "hot and clean"),
        ("isclean iscool", "cool and clean"),
        ("ishot", "hot"),
        ("isclean", "clean"),
        ("iscool", "cold"),
    ):
        condition = " & ".join(f"{name}(o:object)" for name in conditions.split())
        yield {"condition": condition, "rhs": f"This is a {words} {{o.name}}."}
    yield {
        "condition": "toggleable(o:object) & istoggled(o:object)",
        "rhs": "This {o.name} is on.",
    }
    yield {
        "condition": "sliceable(o:object) & issliced(o:object)",
        "rhs": "This is a sliced {o.name}.",
    }
    yield {"rhs": "There's nothing special about {o.name}."}


def _grammar(task: str, wording: Wording) -> str:
    templates = {
        "GotoLocation": "go to [{r.name | receptacleatlocation(r:receptacle, lend:location)}]",
        "OpenObject": "open {r}",
        "CloseObject": "close {r}",
        "PickupObject": "take {o} from {r}",
        "PutObject": wording.put_command,
        "inventory": "inventory",
        "examineReceptacle": "examine {r}",
        "examineObject": "examine {o}",
        "ToggleObject": "use {o}",
        "HeatObject": "heat {o} with {r}",
        "CleanObject": "clean {o} with {r}",
        "CoolObject": "cool {o} with {r}",
        "SliceObject": "slice {co} with {ko}",
        "look": "look",
    }
    # The two-character "\n" is what the engine turns into a line break; JSON must not double it.
    rules = json.dumps(_rules(task, wording), indent=1).replace("\\\\n", "\\n")
    parts = [f'grammar :: """\n{rules}\n""";\n']
    for name, template in templates.items():
        feedback = f"#{name}.feedback#"
        parts.append(_action(name, template, feedback))
    if wording.help is not None:
        parts.append(_action("help", "help", f"\n{wording.help}"))
    return "\n".join(parts)


def _action(name: str, template: str, feedback: str) -> str:
    return f'action {name} {{\n    template :: "{template}";\n    feedback :: "{feedback}";\n}}\n'
