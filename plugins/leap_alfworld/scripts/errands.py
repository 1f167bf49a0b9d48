"""Errands: a thing is met with by chance, and what the task asks is done with it.

They teach to read and to keep account: what stands here and what comes next in the listing, which
place is the first of a kind, whether the thing in hand has been heated, cooled or cleaned yet, and
that one cannot go where one stands. Where a search begins, and the kind of place that it names, is
drawn by lot, in a world of its own for every errand, with homes of its own: nothing can be learned
of where things are.
"""

from __future__ import annotations

import random

from walks import random_action

from leap_alfworld import reasons
from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.memory import Memory, kind_of, read_goal
from leap_alfworld.search import Search, decide, in_order
from leap_core import Example, Step, Task
from leap_core.policy.prompt import PromptRenderer
from leap_core.policy.reply import write_reply

FIRST_WORLD = 1_000_000
"""Seeds of errands' worlds begin here, far from any that a run would choose."""
TASKS = (
    "pick_and_place_simple",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
)
STRAIGHT = 0.6
"""How often the walk (never a remark) begins where the thing is, so that more is done with it."""
ASTRAY = 0.2


def errand(writer: PromptRenderer, rng: random.Random, longest: int) -> list[Example]:
    """An errand in a world of its own, with what to do next at every step."""
    environment = world(rng)
    task = rng.choice(environment.tasks("train")[:12])
    episode, memory = environment.open(task, 0), Memory()
    observation, action = episode.reset(), ""
    goal = read_goal(task.goal)
    assert goal is not None
    steps: list[Step] = []
    examples: list[Example] = []
    while len(steps) < longest:
        memory.note(action, observation.text)
        begins = not memory.visits
        rule = begins and rng.random() < 0.5
        places = begun_at(memory, rule, rng)
        search = Search(lambda kind, unexplored, memory, p=places: p, tour=True)
        next_one = decide(goal, memory, observation.candidates, search)
        reason = reasons.from_history(next_one, goal, memory, "next", rule)
        examples.append(
            Example(
                prompt=writer.prompt(task, steps, observation),
                reply=write_reply(reason, next_one.action),
                rejected=None,
                source="demonstration",
                iteration=0,
                task_id=task.id,
                seed=0,
                step=len(steps),
            )
        )
        action = next_one.action
        if begins and rng.random() < STRAIGHT:
            action = f"go to {hiding(environment, task)}"
        elif rng.random() < ASTRAY:
            action = random_action(observation, memory, goal.object_kind, action, rng)
        steps.append(Step(observation=observation, reason="", action=action))
        transition = episode.step(action)
        observation = transition.observation
        if transition.terminated:
            break
    return examples


def world(rng: random.Random) -> AlfworldEnvironment:
    """A world that no other errand is in."""
    return AlfworldEnvironment(
        AlfworldOptions(
            games="crowded" if rng.random() < 0.3 else "small",
            homes="drawn",
            seed=FIRST_WORLD + rng.randrange(10**9),
            welcome=False,
            hide=("help", "look", "inventory", "examine"),
            task_types=TASKS,
        )
    )


def begun_at(memory: Memory, rule: bool, rng: random.Random) -> list[str]:
    """Where to begin, by lot: at any place, or with a rule at the first place of any kind."""
    places = in_order("", memory.places, memory)
    chosen = rng.choice(places) if places else ""
    if rule:
        kind = rng.choice(sorted({kind_of(place) for place in places}))
        chosen = next(place for place in places if kind_of(place) == kind)
    return [chosen, *places]


def hiding(environment: AlfworldEnvironment, task: Task) -> str:
    """A place where the thing is."""
    game = environment.game(task)
    return next(
        game.receptacles[r].name
        for r, inside in enumerate(game.contents)
        for thing in inside
        if game.things[thing].kind == game.goal.object_kind
    )
