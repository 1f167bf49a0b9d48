"""The rules of the household in PDDL, as game files carry them for planners and TextWorld."""

from __future__ import annotations

_PREDICATES = """
    (atLocation ?a - agent ?l - location)
    (receptacleAtLocation ?r - receptacle ?l - location)
    (objectAtLocation ?o - object ?l - location)
    (receptacleType ?r - receptacle ?t - rtype)
    (objectType ?o - object ?t - otype)
    (canContain ?rt - rtype ?ot - otype)
    (openable ?r - receptacle)
    (opened ?r - receptacle)
    (inReceptacle ?o - object ?r - receptacle)
    (isReceptacleObject ?o - object)
    (inReceptacleObject ?inner - object ?outer - object)
    (holds ?a - agent ?o - object)
    (holdsAny ?a - agent)
    (pickupable ?o - object)
    (cleanable ?o - object)
    (heatable ?o - object)
    (coolable ?o - object)
    (sliceable ?o - object)
    (toggleable ?o - object)
    (isClean ?o - object)
    (isHot ?o - object)
    (isCool ?o - object)
    (isSliced ?o - object)
    (isToggled ?o - object)
    (checked ?r - receptacle)
    (examined ?o - object)
    (lookedAround ?l - location)
    (asked ?a - agent)
"""

_HERE = "(atLocation ?a ?l) (receptacleAtLocation ?r ?l)"
_REACHABLE = "(or (not (openable ?r)) (opened ?r))"

_ACTIONS: tuple[tuple[str, str, str, str], ...] = (
    ("look", "?a - agent ?l - location", "(atLocation ?a ?l)", "(lookedAround ?l)"),
    ("inventory", "?a - agent", "", "(asked ?a)"),
    (
        "examineReceptacle",
        "?a - agent ?r - receptacle",
        f"(exists (?l - location) (and {_HERE}))",
        "(checked ?r)",
    ),
    ("examineObject", "?a - agent ?o - object", "(holds ?a ?o)", "(examined ?o)"),
    (
        "GotoLocation",
        "?a - agent ?lStart - location ?lEnd - location ?r - receptacle",
        "(atLocation ?a ?lStart) (receptacleAtLocation ?r ?lEnd)",
        "(not (atLocation ?a ?lStart)) (atLocation ?a ?lEnd) (increase (total-cost) 1)",
    ),
    (
        "OpenObject",
        "?a - agent ?l - location ?r - receptacle",
        f"{_HERE} (openable ?r) (not (opened ?r))",
        "(opened ?r) (checked ?r) (increase (total-cost) 1)",
    ),
    (
        "CloseObject",
        "?a - agent ?l - location ?r - receptacle",
        f"{_HERE} (openable ?r) (opened ?r)",
        "(not (opened ?r)) (increase (total-cost) 1)",
    ),
    (
        "PickupObject",
        "?a - agent ?l - location ?o - object ?r - receptacle",
        f"{_HERE} (pickupable ?o) (inReceptacle ?o ?r) (not (holdsAny ?a)) {_REACHABLE}",
        (
            "(not (inReceptacle ?o ?r)) (holds ?a ?o) (holdsAny ?a)"
            " (not (objectAtLocation ?o ?l)) (increase (total-cost) 1)"
        ),
    ),
    (
        "PutObject",
        "?a - agent ?l - location ?o - object ?r - receptacle ?ot - otype ?rt - rtype",
        (
            f"{_HERE} (holds ?a ?o) {_REACHABLE}"
            " (objectType ?o ?ot) (receptacleType ?r ?rt) (canContain ?rt ?ot)"
        ),
        (
            "(inReceptacle ?o ?r) (objectAtLocation ?o ?l) (not (holds ?a ?o)) (not (holdsAny ?a))"
            " (increase (total-cost) 1)"
        ),
    ),
    (
        "CleanObject",
        "?a - agent ?l - location ?r - receptacle ?o - object",
        f"{_HERE} (cleanable ?o) (receptacleType ?r SinkBasinType) (holds ?a ?o)",
        "(isClean ?o) (increase (total-cost) 5)",
    ),
    (
        "HeatObject",
        "?a - agent ?l - location ?r - receptacle ?o - object",
        f"{_HERE} (heatable ?o) (receptacleType ?r MicrowaveType) (holds ?a ?o)",
        "(isHot ?o) (not (isCool ?o)) (increase (total-cost) 5)",
    ),
    (
        "CoolObject",
        "?a - agent ?l - location ?r - receptacle ?o - object",
        f"{_HERE} (coolable ?o) (receptacleType ?r FridgeType) (holds ?a ?o)",
        "(isCool ?o) (not (isHot ?o)) (increase (total-cost) 5)",
    ),
    (
        "ToggleObject",
        "?a - agent ?l - location ?o - object ?r - receptacle",
        f"{_HERE} (toggleable ?o) (inReceptacle ?o ?r)",
        "(isToggled ?o) (increase (total-cost) 5)",
    ),
    (
        "SliceObject",
        "?a - agent ?l - location ?co - object ?ko - object",
        (
            "(sliceable ?co) (or (objectType ?ko KnifeType) (objectType ?ko ButterKnifeType))"
            " (atLocation ?a ?l) (objectAtLocation ?co ?l) (holds ?a ?ko)"
        ),
        "(isSliced ?co) (increase (total-cost) 5)",
    ),
)
_HELP = ("help", "?a - agent", "", "(asked ?a)")


def domain(with_help: bool) -> str:
    """The domain's text; older games have no `help`."""
    actions = (*_ACTIONS, _HELP) if with_help else _ACTIONS
    return (
        "(define (domain alfred)\n"
        "(:requirements :adl :action-costs :typing)\n"
        "(:types agent location receptacle object rtype otype)\n"
        f"(:predicates{_PREDICATES})\n"
        "(:functions (total-cost) - number)\n"
        + "".join(_action(*action) for action in actions)
        + ")\n"
    )


def _action(name: str, parameters: str, condition: str, effect: str) -> str:
    needs = f"(and {condition})" if condition else "()"
    return (
        f"(:action {name}\n :parameters ({parameters})\n"
        f" :precondition {needs}\n :effect (and {effect})\n)\n"
    )
