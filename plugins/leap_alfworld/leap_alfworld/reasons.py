"""The sentences that demonstrations and corrections give as reasons. Tune them here.

They are short and regular, so that a small student can learn to write them, and those of
`from_history` restate what the history shows: that is what lets a student keep track.
"""

from __future__ import annotations

from typing import Literal

from leap_alfworld.engine import World
from leap_alfworld.memory import Memory, kind_of
from leap_alfworld.model import PROCESS, Goal
from leap_alfworld.planner import Stop
from leap_alfworld.search import Decision, commonsense, tour

_DONE = {"clean": "clean", "heat": "hot", "cool": "cool"}
_TO_DO = {"clean": "cleaned", "heat": "heated", "cool": "cooled"}
Restated = Literal["left", "next"]
"""What a search restates: which places are left, or what is here and which place comes next."""
_MOST_PLACES = 7
"""How many of the places not looked at yet a reason lists: the likeliest ones."""


def from_history(
    decision: Decision,
    goal: Goal,
    memory: Memory,
    restates: Restated | None = "left",
    rule: bool = False,
) -> str:
    """Why to act so, from what was seen; searching, with what `restates` asks for of the past.

    With `rule`, a search says which kind of place often holds such a thing: a general rule, true
    of the world at large and never of this room.
    """
    thing, place = decision.thing, decision.place
    if rule and decision.purpose == "search":
        return general(decision, goal, memory, restates)
    if decision.purpose in ("search", "look"):
        return _searching(decision, goal, memory, restates)
    if decision.purpose == "open":
        if thing == memory.held:
            return f"I hold the {thing}. The {place} is closed, so I open it."
        return f"I need {_a(kind_of(thing) or thing)}. The {place} is closed, so I open it."
    if decision.purpose == "take":
        return f"{_need(thing)} I see the {thing} in the {place}, so I take it."
    if decision.purpose == "fetch":
        return f"{_need(thing)} I saw the {thing} in the {place}, so I go there."
    if decision.purpose == "drop":
        return f"I do not need the {thing}, so I put it down."
    if decision.purpose == "leave":
        return f"I do not need the {thing}. I go to the {place} to put it down."
    if decision.purpose == "lamp":
        return f"I hold the {memory.held}. I saw the {thing} at the {place}, so I go there."
    if decision.purpose == "light":
        return f"I hold the {memory.held}. The {thing} is here, so I turn it on."
    return _delivering(decision, goal, memory)


def _searching(decision: Decision, goal: Goal, memory: Memory, restates: Restated | None) -> str:
    need = _wanting(decision, goal, memory)
    if decision.purpose == "look":
        return f"{need} I look again."
    if restates is None:
        return f"{need} I look in the {decision.place}."
    left = memory.unexplored()
    if not memory.visits or (restates == "left" and not (memory.contents and left)):
        return f"{need} I look in the {decision.place} first."
    if restates == "next":
        return f"{need} {_next(decision, memory)}"
    if len(left) > _MOST_PLACES:
        shown = {*commonsense(decision.thing, left, memory)[:_MOST_PLACES], decision.place}
        left = [place for place in left if place in shown]
    return f"{need} I have not looked in {', '.join(left)}. Next I look in the {decision.place}."


def general(decision: Decision, goal: Goal, memory: Memory, restates: Restated | None) -> str:
    """Why to look in a place: by a rule about kinds of things and kinds of places."""
    kind, place = decision.thing, decision.place
    often = f"{_wanting(decision, goal, memory)} {_a(kind).capitalize()} is often in"
    often = f"{often} {_a(kind_of(place))},"
    if not memory.visits:
        return f"{often} so I look in the {place} first."
    if restates == "left":
        return f"{often} and I have not looked in the {place}."
    return f"{often} so I look in the {place}."


def _wanting(decision: Decision, goal: Goal, memory: Memory) -> str:
    kind = decision.thing
    if memory.held:
        return f"I hold the {memory.held} and need {_a(kind)}."
    if goal.task_type == "pick_two_obj_and_place" and _delivered(goal, memory):
        return f"I need another {kind}."
    return f"I need {_a(kind)}."


def _next(decision: Decision, memory: Memory) -> str:
    here, place = memory.here, decision.place
    said = f"Next I look in the {place}."
    if tour(memory)[:1] == (place,):
        said = f"After the {here} comes the {place}, so I look there."
    return f"There is none here. {said}" if here in memory.looked else said


def _delivered(goal: Goal, memory: Memory) -> bool:
    return any(
        kind_of(thing) == goal.object_kind
        for place, things in memory.contents.items()
        if kind_of(place) == goal.receptacle_kind
        for thing in things
    )


def _delivering(decision: Decision, goal: Goal, memory: Memory) -> str:
    thing, place = decision.thing, decision.place
    process = PROCESS.get(goal.task_type)
    if decision.purpose == "station":
        done = _TO_DO.get(process or "", "")
        return f"I hold the {thing}. It must be {done}, so I go to the {place}."
    if decision.purpose == "process":
        return f"I hold the {thing}. The {place} is here, so I {process} it."
    if decision.purpose == "put":
        return f"I hold the {thing}. The {place} is here, so I put it there."
    done = f"It is {_DONE[process]}. " if process else ""
    return f"I hold the {thing}. {done}It goes to the {place}, so I go there."


def named(decision: Decision) -> str:
    """A reason that knows more than it should: the place itself."""
    return f"The {decision.thing} is in the {decision.place}, so I look there."


def straight(command: str, thing: str, place: str, verb: str) -> str:
    """Why the planner acts so: it knows where everything is, and says it."""
    going, opening = command.startswith("go to "), command.startswith("open ")
    then = "so I go there" if going else "so I open it"
    if verb == "take":
        if going or opening:
            return f"{_need(thing)} It is in the {place}, {then}."
        return f"{_need(thing)} I see the {thing} in the {place}, so I take it."
    if verb == "put":
        if going or opening:
            return f"I hold the {thing}. It goes to the {place}, {then}."
        return f"I hold the {thing}. The {place} is here, so I put it there."
    if verb in ("use", "go"):
        if going:
            return f"{_need(thing)} It is at the {place}, {then}."
        return f"{_need(thing)} The {thing} is here, so I turn it on."
    if going:
        return f"I hold the {thing}. It must be {_TO_DO.get(verb, '')}, so I go to the {place}."
    return f"I hold the {thing}. The {place} is here, so I {verb} it."


def _need(thing: str) -> str:
    return f"I need {_a(kind_of(thing))}."


def _a(kind: str) -> str:
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"


def plain(command: str) -> str:
    """A reason that says no more than the command itself."""
    return f"Next I {command}."


def explain(world: World, command: str, stop: Stop) -> str:
    """Say why the planner gives a command, in words that tell what it knows."""
    game = world.game
    thing, place = game.things[stop.thing].name, game.receptacles[stop.receptacle].name
    return straight(command, thing, place, stop.verb)
