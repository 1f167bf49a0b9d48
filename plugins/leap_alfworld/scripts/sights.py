"""Sights: a place, what is seen there, and for some kinds of thing whether there is one.

A walk asks that once a step. A sight asks it eight times in a tenth of the words, and has any thing
in any place, so that only looking at the list can answer.
"""

from __future__ import annotations

import random
from dataclasses import replace

from leap_alfworld.tables import ROOMS
from leap_core import Example, Prompt
from leap_core.local.tokenization import PromptEncoder
from leap_core.training.packing import TokenRow, shared_rows

QUESTIONS = 8
KINDS = sorted({kind.lower() for room in ROOMS for kind in room.places})
PLACES = sorted({p.lower() for room in ROOMS for places in room.places.values() for p in places})
IN_HINDSIGHT = 0.15
"""How often a kind is asked for that was seen in a place before."""


def sight(encoder: PromptEncoder, branch: str, rng: random.Random, most_before: int) -> TokenRow:
    """One place after up to `most_before` others. Only the word that decides is to be learned."""
    here = rng.sample(KINDS, rng.randint(1, 6))
    before = [
        [k for k in rng.sample(KINDS, rng.randint(1, 5)) if k not in here]
        for _ in range(rng.randint(0, most_before))
    ]
    told = "".join(arrival(kinds, rng) for kinds in [*filter(None, before), here])
    earlier = [kind for kinds in before for kind in kinds]
    asked = []
    for number in range(QUESTIONS):
        there = rng.random() < 0.5
        kind = rng.choice(here) if there else absent(here, earlier, rng)
        question = Prompt(trunk=(told,), branch=f"{branch}REASON: I need {an(kind)}.")
        answer = f" I see the {kind}" if there else " There is none"
        asked.append(
            Example(
                prompt=question,
                reply=answer,
                rejected=None,
                source="demonstration",
                iteration=0,
                task_id=told,
                seed=0,
                step=number,
            )
        )
    (row,) = shared_rows(asked, encoder, 4000)
    # Of each answer only the first word, which decides.
    first = (
        replace(one, tokens=one.tokens[: len(one.tokens) - one.reply + 1], reply=1)
        for one in row.branches
    )
    return replace(row, branches=tuple(first))


def arrival(kinds: list[str], rng: random.Random) -> str:
    """Going to a place by lot, where things of these kinds are seen."""
    place = f"{rng.choice(PLACES)} {rng.randint(1, 4)}"
    things = [f"{an(kind)} {rng.choice((1, 1, 1, 2, 3))}" for kind in kinds]
    listed = things[0] if len(things) == 1 else f"{', '.join(things[:-1])}, and {things[-1]}"
    return f"> go to {place}\nYou arrive at {place}. On the {place}, you see {listed}.\n"


def absent(here: list[str], earlier: list[str], rng: random.Random) -> str:
    """A kind of thing that is not here."""
    if earlier and rng.random() < IN_HINDSIGHT:
        return rng.choice(earlier)
    return rng.choice([kind for kind in KINDS if kind not in here])


def an(kind: str) -> str:
    """The kind with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
