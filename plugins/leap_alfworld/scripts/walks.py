"""Random walks through generated games, with a true remark at every step.

There is no task being solved, no demonstration, no teacher and nothing privileged in them.
"""

from __future__ import annotations

import random

from leap_alfworld.environment import AlfworldEnvironment
from leap_alfworld.memory import Memory, kind_of, read_goal
from leap_alfworld.model import PROCESS, STATIONS, Goal
from leap_alfworld.search import tour
from leap_core import Example, Observation, Step, Task
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply

LIKELY = {"go": 6, "open": 8, "take": 6, "move": 2, "close": 0.4, "heat": 3, "cool": 3, "clean": 3,
          "use": 3, "slice": 1}  # fmt: skip
RARE = 0.3
DONE = {"clean": "clean", "heat": "hot", "cool": "cool"}
TO_DO = {"clean": "cleaned", "heat": "heated", "cool": "cooled"}


def walk(
    environment: AlfworldEnvironment,
    writer: PromptRenderer,
    task: Task,
    rng: random.Random,
    longest: int,
) -> list[Example]:
    """A random walk, remarked on at every step."""
    episode = environment.open(task, 0)
    observation, memory, steps, action = episode.reset(), Memory(), [], ""
    goal = read_goal(task.goal)
    assert goal is not None
    examples: list[Example] = []
    for t in range(rng.randint(3, longest)):
        memory.note(action, observation.text)
        action = random_action(observation, memory, goal.object_kind, action, rng)
        coming = announced(goal, memory, action) if rng.random() < 0.4 else ""
        reason = remark(goal, memory, coming, rng)
        # A command drawn by lot cannot be foreseen: it is read only where it was announced.
        reply = write_reply(reason, action) if coming else f"REASON: {reason}"
        prompt = writer.prompt(task, steps, observation)
        examples.append(
            Example(
                prompt=prompt,
                reply=reply,
                rejected=None,
                source="demonstration",
                iteration=0,
                task_id=task.id,
                seed=0,
                step=t,
            )
        )
        steps.append(Step(observation=observation, reason="", action=action))
        transition = episode.step(action)
        observation = transition.observation
        if transition.terminated:
            break
    return examples


def random_action(
    observation: Observation, memory: Memory, kind: str, last: str, rng: random.Random
) -> str:
    """A command by lot: places not visited rather than others, now and then one in vain."""
    if observation.text.startswith("Nothing happens") and rng.random() < 0.4:
        return last
    if memory.contents and rng.random() < 0.05:
        place = rng.choice(list(memory.contents))
        things = [thing for inside in memory.contents.values() for thing in inside]
        if things:
            return f"take {rng.choice(things)} from {place}"
    verbs: dict[str, list[str]] = {}
    for command in observation.candidates:
        verbs.setdefault(command.split(" ", 1)[0], []).append(command)
    verb = rng.choices(list(verbs), [LIKELY.get(v, RARE) for v in verbs])[0]
    new = [c for c in verbs[verb] if verb == "go" and c[6:] not in memory.visits]
    named = [c for c in verbs[verb] if verb == "take" and c.startswith(f"take {kind} ")]
    return rng.choice(new if new and rng.random() < 0.7 else named or verbs[verb])


def remark(goal: Goal, memory: Memory, coming: str, rng: random.Random) -> str:
    """What is needed or in hand, what it is for, whether there is one here, what comes next, and
    the command that comes: true sentences, each by lot."""
    held, kind = memory.held, goal.object_kind
    if held:
        known = f"I hold the {held}."
        return " ".join([known, *what_for(goal, memory, rng), coming]).strip()
    need, verb, use = kind, "need", what_for(goal, memory, rng)
    if memory.here and not coming.endswith("so I take it.") and rng.random() < 0.4:
        need, verb, use = some_kind(memory, rng), "look for", []
    parts = [f"I {verb} {an(need)}.", *use]
    if memory.here and rng.random() < 0.9:
        sight = in_sight(need, memory)
        parts.append("" if coming.startswith(sight[:-1]) else sight)
    if memory.here and not coming and rng.random() < 0.7:
        parts.append(f"After the {memory.here} comes the {tour(memory)[0]}.")
    return " ".join(part for part in (*parts, coming) if part)


def some_kind(memory: Memory, rng: random.Random) -> str:
    """A kind of thing that can be seen here, or as often one that was seen elsewhere."""
    here = [kind_of(thing) for thing in memory.contents.get(memory.here, ())]
    seen = [kind_of(thing) for things in memory.contents.values() for thing in things]
    return rng.choice(here if here and rng.random() < 0.5 else seen or ["mug"])


def in_sight(kind: str, memory: Memory) -> str:
    """Whether a thing of a kind can be seen here."""
    here = memory.here
    if here in memory.closed:
        return f"The {here} is closed."
    for thing in memory.contents.get(here, ()):
        if kind_of(thing) == kind:
            return f"I see the {thing} in the {here}."
    return "There is none here."


def what_for(goal: Goal, memory: Memory, rng: random.Random) -> list[str]:
    """What is to be done with the thing wanted, and where it goes; nothing of another in hand."""
    if memory.held and kind_of(memory.held) != goal.object_kind:
        return []
    said = []
    process = PROCESS.get(goal.task_type, "")
    if process:
        done = process in memory.states.get(memory.held, ())
        said.append(f"It is {DONE[process]}." if done else f"It must be {TO_DO[process]}.")
    targets = [p for p in memory.places if kind_of(p) == goal.receptacle_kind]
    said += [f"It goes to the {p}." for p in targets[:1]]
    return [sentence for sentence in said if rng.random() < 0.5]


def announced(goal: Goal, memory: Memory, action: str) -> str:
    """The walk's next command, in words; "" for one in vain."""
    verb, _, rest = action.partition(" ")
    if verb == "go":
        return going(goal, memory, rest.removeprefix("to "))
    if verb == "open":
        return f"The {rest} is closed, so I open it."
    if verb == "take":
        thing, _, place = rest.partition(" from ")
        if thing not in memory.contents.get(place, ()) or place != memory.here:
            return ""
        if kind_of(thing) != goal.object_kind:
            return f"I take the {thing}."
        return f"I see the {thing} in the {place}, so I take it."
    if verb in ("move", "heat", "cool", "clean"):
        done = "put it there" if verb == "move" else f"{verb} it"
        place = rest.rpartition(" to " if verb == "move" else " with ")[2]
        return f"The {place} is here, so I {done}."
    return ""


def going(goal: Goal, memory: Memory, place: str) -> str:
    """A walk's next place, in words."""
    if memory.held:
        if kind_of(memory.held) == goal.object_kind:
            process = PROCESS.get(goal.task_type, "")
            if process and kind_of(place) in STATIONS[process]:
                return f"It must be {TO_DO[process]}, so I go to the {place}."
            if kind_of(place) == goal.receptacle_kind:
                return f"It goes to the {place}, so I go there."
        return f"I go to the {place}."
    if not memory.here:
        return f"I look in the {place} first."
    if tour(memory)[:1] == (place,):
        return f"After the {memory.here} comes the {place}, so I look there."
    return f"Next I look in the {place}."


def an(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
