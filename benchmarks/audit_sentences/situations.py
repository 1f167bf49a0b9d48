"""Situations in generated worlds, with the words that the wordings of reasons leave open."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from leap_core import Environment, PrivilegedSource, PrivilegedState, Step, Task, Trajectory

NTH = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty".split()
)
SHARES = {1.0: "the full reward", 0.5: "half of the reward", 0.75: "three quarters of the reward",
          0.67: "two thirds of the reward", 0.33: "a third of the reward",
          0.25: "a quarter of the reward"}  # fmt: skip


OTHER_WORDS = {
    "mug": "cup", "cup": "tumbler", "fridge": "refrigerator", "sofa": "couch",
    "cabinet": "cupboard", "garbagecan": "trash can", "countertop": "counter", "desklamp": "lamp",
    "cellphone": "phone", "remotecontrol": "remote", "sidetable": "end table",
    "dresser": "chest of drawers", "armchair": "chair", "diningtable": "table",
    "coffeetable": "low table", "sinkbasin": "sink", "box": "carton", "book": "paperback",
    "statue": "figurine", "vase": "flower vase", "pillow": "cushion", "laptop": "computer",
    "creditcard": "bank card", "keychain": "keys", "newspaper": "paper", "bowl": "dish",
    "soapbottle": "soap dispenser", "soapbar": "soap", "dishsponge": "sponge",
    "handtowel": "towel", "cloth": "rag", "pan": "skillet", "pot": "saucepan", "plate": "dish",
    "kettle": "teapot", "spraybottle": "sprayer", "toiletpaper": "toilet roll",
    "tissuebox": "tissues", "peppershaker": "pepper mill", "saltshaker": "salt",
    "watch": "timepiece", "glassbottle": "bottle", "winebottle": "wine", "potato": "spud",
    "lettuce": "salad", "knife": "blade", "spoon": "teaspoon", "bread": "loaf", "shelf": "rack",
    "drawer": "compartment", "safe": "vault", "desk": "writing table", "bed": "mattress",
    "stoveburner": "stove", "bathtubbasin": "tub", "microwave": "oven", "toilet": "loo",
}  # fmt: skip
"""Other words for things and places, chosen apart from those that the audit knows."""


@dataclass(frozen=True)
class Situation:
    """A task after some actions, and the words known there."""

    task: Task
    actions: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)


def replayed(
    environment: Environment, source: PrivilegedSource, task: Task, actions: list[str]
) -> tuple[Trajectory, PrivilegedState]:
    """Play some actions; return what was seen, and the privileged state at the end."""
    episode = environment.open(task, 0)
    observation, steps = episode.reset(), []
    for action in actions:
        steps.append(Step(observation=observation, reason="", action=action))
        observation = episode.step(action).observation
    last = (*observation.candidates, "look")[0]
    steps.append(Step(observation=observation, reason="", action=last))
    episode.close()
    trajectory = Trajectory(task=task, steps=tuple(steps))
    return trajectory, source.states(trajectory)[-1]


def alfworld(environment: Environment, source: PrivilegedSource) -> Iterator[Situation]:
    """After one or two places without the hidden thing."""
    draw = random.Random(0)
    for task in list(environment.tasks("train"))[::37]:
        first, state = replayed(environment, source, task, [])
        places = [c[6:] for c in first.steps[0].observation.candidates if c.startswith("go to ")]
        hidden = [(t, ps[0]) for t, ps in state.facts["locations"].items()]
        holding = {place for _, place in hidden}
        if not hidden or len({*places} - holding) < 3:
            continue
        draw.shuffle(places)
        others = [place for place in places if place not in holding]
        actions = [f"go to {place}" for place in others[: draw.choice((1, 2))]]
        trajectory, state = replayed(environment, source, task, actions)
        seen = re.search(r"you see an? ([a-z]+ \d+)", trajectory.steps[-1].observation.text)
        kind = hidden[0][0].split()[0]
        if seen is None or f" {kind} " in trajectory.steps[-1].observation.text:
            continue
        thing, place = draw.choice([pair for pair in hidden if pair[0].startswith(kind)])
        known = _household(thing, place)
        known |= {
            "o": next(o for o in others[2:] if o.split()[0] != place.split()[0]),
            "last": actions[-1][6:],
            "seen": seen.group(1),
            "to": re.sub(r"[^a-z]", "", task.goal.split()[-1].lower()),
        }
        known["oks"] = _plural(known["o"].split()[0])
        yield Situation(task, tuple(actions), known)


def _household(thing: str, place: str) -> dict[str, str]:
    kind, (pk, num) = thing.split()[0], place.split()
    known = {"t": kind, "tn": thing, "ts": _plural(kind), "p": place, "pk": pk, "num": num,
             "pks": _plural(pk), "nth": NTH[int(num) - 1], "nw": NUMBERS[int(num)]}  # fmt: skip
    for slot, name in (("T", kind), ("P", pk)):
        if name in OTHER_WORDS:
            known[slot] = OTHER_WORDS[name]
    return known


def _plural(word: str) -> str:
    if word.endswith("fe"):
        return f"{word[:-2]}ves"
    if word.endswith("shelf"):
        return f"{word[:-1]}ves"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def webshop(environment: Environment, source: PrivilegedSource) -> Iterator[Situation]:
    """At the start, on a page of results, and on a product's page."""
    for task in list(environment.tasks("train"))[::9]:
        _, state = replayed(environment, source, task, [])
        facts = state.facts
        wants = [w for w in (*facts["options"], *facts["attributes"]) if w in task.goal]
        if not wants or facts["price_upper"] is None:
            continue
        base = {"kind": facts["query"], "want": wants[0], "limit": f"{facts['price_upper']:.0f}",
                "asin": facts["asin"].upper(), "title": facts["title"].lower(),
                "brand": facts["title"].split()[0].lower()}  # fmt: skip
        yield Situation(task, (), base)
        common = {slot: base[slot] for slot in ("kind", "want", "limit")}
        for query in (facts["best_query"], wants[0]):
            actions = [f"search[{query}]"]
            trajectory, state = replayed(environment, source, task, actions)
            page = trajectory.steps[-1].observation.text
            yield Situation(task, tuple(actions), common | _results(page, state.facts))
        opened = _first_item(trajectory)
        if opened:
            trajectory, state = replayed(environment, source, task, [*actions, opened])
            item = {"now": f"{state.facts['now']:.2f}", "it": opened[len("click[item - ") : -1]}
            yield Situation(task, (*actions, opened), common | item)


def _first_item(trajectory: Trajectory) -> str:
    listed = trajectory.steps[-1].observation.candidates
    return next((c for c in listed if c.startswith("click[item - ")), "")


def _results(page: str, facts: Mapping[str, Any]) -> dict[str, str]:
    shown = re.findall(r"\[button\] (B\w+) \[button_\]\n(.+)\n(\$[\d.]+)$", page, re.MULTILINE)
    worth = facts["worth"]
    known: dict[str, str] = {}
    order = list(worth)
    for asin, title, price in shown:
        value = round(worth[asin.lower()], 2)
        place = NTH[order.index(asin.lower())]
        if value >= 1 and "best" not in known:
            known |= {"best": asin, "bt": title, "bnth": place}
        elif 0 < value < 1 and "a" not in known:
            known |= {"a": asin, "at": title, "r": f"{value:.2f}", "nth": place, "price": price}
            if value in SHARES:
                known["rw"] = SHARES[value]
    pages = {n: w for n, w in facts["pages"].items() if n != "shown"}
    best = max(pages, key=lambda n: pages[n])
    if pages[best] > max(worth.values(), default=0.0):
        known["page"] = best
    return known


def bash(environment: Environment, source: PrivilegedSource) -> Iterator[Situation]:
    """Before anything, and after a look at the folder that the task names."""
    for task in list(environment.tasks("train"))[::2]:
        root = re.search(r"(/\w+)", task.goal)
        if root is None:
            continue
        trajectory, state = replayed(environment, source, task, [f"ls {root[1]}"])
        known = {"root": root[1], "what": "files"} | _solution(task, state.facts)
        if "line" in task.goal:
            known["what"] = "lines"
        yield Situation(task, (), known)
        listed = trajectory.steps[-1].observation.text.split()
        folders = [name for name in listed if "." not in name]
        safe = {k: known[k] for k in ("root", "what", "file", "n", "nw") if k in known}
        if folders:
            safe |= {"lseen": folders[0], "fseen": f"{root[1]}/{folders[0]}", "seen": listed[0]}
            safe["o"] = f"{root[1]}/{folders[-1]}"
        yield Situation(task, (f"ls {root[1]}",), safe)


def _solution(task: Task, facts: Mapping[str, Any]) -> dict[str, str]:
    known = {}
    output, hidden = facts["output"].strip(), facts["hidden"]
    lines = output.split("\n")
    if re.fullmatch(r"\d+", output) and 1 < int(output) <= 20:
        known |= {"n": output, "nw": NUMBERS[int(output)]}
    elif len(lines) > 1 and lines[0].startswith("/"):
        known |= {"one": lines[0], "base": lines[0].rpartition("/")[2]}
    elif len(output) > 4 and len(lines) == 1:
        known["line"] = output
    if hidden:
        folder, _, name = hidden.rpartition("/")
        known |= {"file": name, "path": hidden}
        if folder.count("/") > 1 and folder not in task.goal:
            known |= {"folder": folder, "leaf": folder.rpartition("/")[2]}
    return known


def sql(environment: Environment, source: PrivilegedSource) -> Iterator[Situation]:
    """Before anything, and after a look at the tables."""
    for task in list(environment.tasks("train"))[::2]:
        trajectory, state = replayed(environment, source, task, ["SHOW TABLES"])
        facts = state.facts
        known = {"q": re.findall(r"\b(customers|orders|products|kinds)\b", task.goal + " rows")[:1]}
        words = {"q": (known["q"] or ["rows"])[0], "guess": "Anna Berg"}
        alone = re.fullmatch(r"\[\((\d+),\)\]", facts["output"])
        if alone and int(alone[1]) > 1:
            words["n"] = alone[1]
            if int(alone[1]) <= 20:
                words["nw"] = NUMBERS[int(alone[1])]
        value = re.search(r"'([^']{3,})'", facts["output"])
        if value and value[1] not in task.goal:
            words["val"] = value[1]
        column = re.search(r"\b([a-z]+_[a-z]+)\b", facts["gold"])
        if column:
            words |= {"col": column[1], "colw": column[1].replace("_", " ")}
        yield Situation(task, (), words | {"gold": facts["gold"]})
        seen = re.search(r"'(\w+)'", trajectory.steps[-1].observation.text)
        safe = {k: v for k, v in words.items() if k in ("q", "n", "nw", "guess")}
        yield Situation(task, ("SHOW TABLES",), safe | ({"seen": seen[1]} if seen else {}))
