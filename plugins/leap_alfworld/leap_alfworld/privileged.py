"""What is true and hidden: the simulator's state, or what human annotators wrote.

Both are for teachers and for the leak audit, never for a student.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from leap_alfworld import names, reasons
from leap_alfworld.engine import World
from leap_alfworld.environment import AlfworldEnvironment
from leap_alfworld.memory import kind_of
from leap_alfworld.planner import Stop, steps
from leap_core import (
    DataError,
    Environment,
    Fact,
    PluginError,
    PrivilegedSource,
    PrivilegedState,
    Trajectory,
)


class SourceOptions(BaseModel):
    """Neither source has options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _AlfworldSource(PrivilegedSource):
    Options = SourceOptions
    environments: ClassVar[Sequence[str]] = ("alfworld",)

    def __init__(self, options: SourceOptions, environment: Environment) -> None:
        super().__init__(options, environment)
        if not isinstance(environment, AlfworldEnvironment):
            raise PluginError(f"{type(self).__name__} serves the alfworld environment only")
        self.alfworld = environment


class SimulatorSource(_AlfworldSource):
    """The simulator's view before each step, with the best plan from there."""

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """Replay the student's actions and describe what was true before each."""
        world = World(self.alfworld.game(trajectory.task))
        states = []
        seen: set[str] = set()
        for step in trajectory.steps:
            seen.update(_named(world, step.observation.text))
            states.append(describe(world, seen))
            world.step(self.alfworld.options.command(step.action))
        return states


def describe(world: World, seen: Iterable[str] = ()) -> PrivilegedState:
    """The privileged state of a world whose player has `seen` these objects, by name."""
    game, goal = world.game, world.game.goal
    best = steps(world)
    kinds = {goal.object_kind, goal.lamp_kind} - {""}
    locations = {
        t.name: [game.receptacles[r].name for r in holding]
        for i, t in enumerate(game.things)
        if t.kind in kinds and (holding := world.where(i))
    }
    hidden = {name: places for name, places in locations.items() if name not in set(seen)}
    commands = None if best is None else [command for command, _ in best]
    facts: dict[str, Any] = {
        "plan": commands,
        "dead_end": best is None,
        "locations": locations,
        "held": game.things[world.held].name if world.held >= 0 else "",
        "reason": reasons.explain(world, *best[0]) if best else "",
    }
    return PrivilegedState(
        text=_write(world, best, locations), secrets=tuple(_secrets(hidden)), facts=facts
    )


def _named(world: World, text: str) -> set[str]:
    return {t.name for t in world.game.things if f"a {t.name}" in text or f"the {t.name}" in text}


def _secrets(hidden: dict[str, list[str]]) -> list[Fact]:
    """What would give a hidden object away: its number, and its kind together with its place."""
    pairs = sorted((thing, place) for thing, places in hidden.items() for place in places)
    return [
        *(Fact(kind="name", value=(thing,)) for thing in dict.fromkeys(t for t, _ in pairs)),
        *(names.whereabouts(kind_of(thing), place) for thing, place in pairs),
    ]


def _write(
    world: World, best: list[tuple[str, Stop]] | None, locations: dict[str, list[str]]
) -> str:
    """The four sections in which the paper's prompts give privileged state."""
    game = world.game
    stops = [stop for _, stop in best or ()]
    essential = dict.fromkeys(game.things[stop.thing].name for stop in stops)
    objects = [f"- {name}: {_whereabouts(world, name, locations)}" for name in essential]
    critical = dict.fromkeys(stop.receptacle for stop in stops)
    places = [f"- {game.receptacles[r].name}: {_door(world, r)}" for r in critical]
    if best is None:
        sequence = ["Dead end: the task can no longer be done from here."]
    elif best:
        sequence = [f"{i}. {command}" for i, (command, _) in enumerate(best, 1)]
    else:
        sequence = ["Nothing is left to do."]
    return "\n".join(
        [
            "**Task:**",
            game.task,
            "**Essential Objects:**",
            *(objects or ["- none"]),
            "**Critical Locations:**",
            *(places or ["- none"]),
            "**Optimal Action Sequence:**",
            *sequence,
        ]
    )


def _whereabouts(world: World, name: str, locations: dict[str, list[str]]) -> str:
    if world.held >= 0 and world.game.things[world.held].name == name:
        return "in the player's hand"
    return f"in or on {' and '.join(locations.get(name, ['the room']))}"


def _door(world: World, receptacle: int) -> str:
    if not world.game.receptacles[receptacle].openable:
        return "no door"
    return "open" if receptacle in world.opened else "closed"


class HumanSource(_AlfworldSource):
    """What people wrote about the game: step-by-step instructions and the high-level plan.

    Read from the `traj_data.json` beside an official game; the same at every step.
    """

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """The same annotation for every step.

        Raises:
            DataError: the game has no annotation.
        """
        path = self.alfworld.annotation(trajectory.task)
        return [read_annotation(path)] * len(trajectory.steps)


def read_annotation(path: Path) -> PrivilegedState:
    """Read a `traj_data.json`.

    Raises:
        DataError: it is missing, or is not what it should be.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        people = data["turk_annotations"]["anns"]
        told = [(str(p["task_desc"]), [str(s) for s in p["high_descs"]]) for p in people]
        plan = [_high_level(action) for action in data["plan"]["high_pddl"]]
        secrets = _told_places(data["plan"]["high_pddl"])
    except FileNotFoundError:
        raise DataError(f"no human annotation for this game: '{path}' does not exist") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"'{path}' holds no readable human annotation ({error!r})") from None
    lines = []
    for number, (task, instructions) in enumerate(told, 1):
        lines += [f"**Instructions by person {number}:** {task}"]
        lines += [f"{i}. {' '.join(text.split())}" for i, text in enumerate(instructions, 1)]
    lines += ["**High-level plan:**", *(f"{i}. {action}" for i, action in enumerate(plan, 1))]
    return PrivilegedState(text="\n".join(lines), secrets=tuple(secrets), facts={"plan": plan})


def _high_level(entry: Any) -> str:
    action = entry["discrete_action"]
    return " ".join([str(action["action"]), *map(str, action["args"])]).strip()


def _told_places(plan: Sequence[Any]) -> list[Fact]:
    """The places that the plan, and so every person's instructions, fetch something from."""
    found: list[Fact] = []
    place = ""
    for entry in plan:
        action = entry["discrete_action"]
        args = [str(arg).lower() for arg in action["args"]]
        if action["action"] == "GotoLocation":
            place = args[0] if args else ""
        elif action["action"] in ("PickupObject", "ToggleObject") and args and place:
            found.append(names.whereabouts(args[0], place))
    return list(dict.fromkeys(found))
