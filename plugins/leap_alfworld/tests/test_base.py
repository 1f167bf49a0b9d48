"""The base student that ships: it can read and keep account, and knows nothing of any world."""

from __future__ import annotations

from collections import Counter

import pytest

from leap_alfworld.environment import AlfworldEnvironment, AlfworldOptions
from leap_alfworld.homes import ranked, rooms
from leap_alfworld.memory import kind_of
from leap_alfworld.tables import ACCEPTS

KITCHEN = rooms("small")[0]
THINGS = [thing for thing in KITCHEN.places if len(KITCHEN.places[thing]) > 2]
LIFT = 0.02


def openings(count: int = 6) -> list[tuple[str, list[str]]]:
    """Kitchens as they are first seen, and their places."""
    environment = AlfworldEnvironment(
        AlfworldOptions(homes="drawn", welcome=False, task_types=("pick_heat_then_place_in_recep",))
    )
    found = []
    for task in environment.tasks("valid_unseen")[:count]:
        text = environment.open(task, 0).reset().text
        places = [r.name for r in environment.game(task).receptacles]
        found.append((text.partition("Your task is to:")[0], places))
    return found


@pytest.fixture(scope="module")
def first_choices():
    """The share that the base gives to each kind of place, by the thing looked for."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = AlfworldEnvironment(AlfworldOptions()).pretrained_student()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def share(opening: str, places: list[str], thing: str) -> Counter[str]:
        a = "an" if thing[0] in "AEIOU" else "a"
        told = f"{opening}Your task is to: put {a} {thing.lower()} in shelf.\nWhat next?\n"
        told += f"REASON: I need {a} {thing.lower()}. I look in the"
        replies = [f"{told} {place} first." for place in places]
        rows = [tokenizer.encode(text) for text in replies]
        begin = len(tokenizer.encode(told))
        width = max(map(len, rows))
        batch = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        with torch.no_grad():
            logs = model(batch).logits.log_softmax(-1)
        chances = [
            sum(logs[i, j - 1, row[j]].item() for j in range(begin, len(row)))
            for i, row in enumerate(rows)
        ]
        found: Counter[str] = Counter()
        for place, chance in zip(places, torch.tensor(chances).softmax(0).tolist(), strict=True):
            found[kind_of(place)] += chance
        return found

    asked = openings()
    totals: dict[str, Counter[str]] = {}
    for thing in THINGS:
        totals[thing] = Counter()
        for opening, places in asked:
            for kind, part in share(opening, places, thing).items():
                totals[thing][kind] += part / len(asked)
    return totals


def lift(chosen: dict[str, Counter[str]], homes: dict[str, str]) -> float:
    """By how much a thing's home is chosen more for that thing than for others."""
    gains = []
    for thing, home in homes.items():
        others = [chosen[other][home] for other in chosen if other != thing]
        gains.append(chosen[thing][home] - sum(others) / len(others))
    return sum(gains) / len(gains)


@pytest.mark.parametrize("seed", range(4))
def test_its_first_choice_does_not_know_the_drawn_homes(first_choices, seed):
    homes = {thing: ranked(KITCHEN, thing, "small", seed)[0].lower() for thing in THINGS}
    assert abs(lift(first_choices, homes)) < LIFT


def test_its_first_choice_does_not_know_the_usual_homes(first_choices):
    homes = {t: max(KITCHEN.places[t], key=KITCHEN.places[t].__getitem__).lower() for t in THINGS}
    assert abs(lift(first_choices, homes)) < LIFT


def test_its_first_choice_does_not_even_know_what_may_be_put_where(first_choices):
    for kind in ("Fridge", "Microwave", "Cabinet"):
        taken = [t for t in THINGS if t in ACCEPTS[kind]]
        rest = [t for t in THINGS if t not in ACCEPTS[kind]]
        ours, theirs = (
            sum(first_choices[t][kind.lower()] for t in group) / len(group)
            for group in (taken, rest)
        )
        assert abs(ours - theirs) < LIFT


def test_a_prior_would_be_noticed():
    """The measure itself: a player that knows its homes is far above the bound."""
    homes = {thing: ranked(KITCHEN, thing, "small", 0)[0].lower() for thing in THINGS}
    knowing = {thing: Counter({home: 0.5, "shelf": 0.5}) for thing, home in homes.items()}
    assert lift(knowing, homes) > 10 * LIFT
