"""Leak audit: does a correction say what the student's own history could not tell it?

The teacher's side of invariant 1 (paper section 3.1: the expert "must not reveal privileged
information in its feedback"). Texts are compared as normalised words, so case, punctuation,
plurals, number words and the ways of numbering an object ("mug 2", "mug2", "the second mug") make
no difference. A secret is told

- outright, where its words stand in a row (score 1),
- as a statement, where the secret says that X is in Y and the text asserts the same in other
  words ("cabinet 1 holds the mug"; "mugs are often in cabinets" asserts nothing) (score 0.8),
- in paraphrase, where most content words of a long secret stand close together (up to 0.9),

unless the history holds it in the same sense. A text that mentions privileged information as such
("according to the hidden state") leaks whatever it goes on to say (score 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from leap_core.correction.text import STOP, content, normalise, sentences
from leap_core.types import Trajectory

How = Literal["outright", "statement", "paraphrase", "weak", "mention"]

_CONJUNCTIONS = frozenset("and but so because since".split())
_PRONOUNS = frozenset("it one they them".split())
_LINKS = frozenset(
    "is are was were be been lie sit stand wait rest located found kept hidden stored placed put "
    "in on at inside within under behind from out of off the a an right now already there here "
    "it that which".split()
)
_PLACING = frozenset("in on at inside within under behind from out off".split())
_HOLDING = frozenset("has have hold contain hide conceal store keep with".split())
_HEDGES = frozenset(
    "may might could maybe perhaps probably possibly usually often likely typically sometimes "
    "commonly generally normally whether if hopefully chance would tend".split()
)
_SEEKING = frozenset("look search check seek try hope want need find no any whether if".split())
_MENTION = re.compile(
    r"\b(?:privileged|hidden (?:fact|state|information)s?|secret (?:fact|state|information)s?"
    r"|ground[- ]truth|gold (?:command|query|answer)|answer key|optimal (?:plan|action sequence)"
    r"|as the teacher|I was told|according to the (?:plan|solution|state))\b",
    re.IGNORECASE,
)
_PARAPHRASE_FROM = 0.75
"""Share of a long secret's content words that must stand together to count as a paraphrase."""
_LONG = 4
"""Content words from which a secret can be paraphrased."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One secret that a text tells: how clearly (0 … 1), and in which way."""

    secret: str
    score: float
    how: How


def history_text(trajectory: Trajectory, step: int) -> str:
    """All that the student could know at `step`: h_t = goal, o_1, a_1, …, o_t and its candidates.

    The student's own reasons are left out: they are not part of h_t, and what it imagined there
    is not knowledge.
    """
    parts = [trajectory.task.goal]
    for past in trajectory.steps[:step]:
        parts += [past.observation.text, past.action]
    now = trajectory.steps[step].observation
    parts += [now.text, *now.candidates, *now.templates]
    return "\n".join(parts)


def leak_score(text: str, secrets: Iterable[str], history_text: str) -> float:
    """How clearly `text` tells something that `history_text` does not hold: 0 (not) … 1."""
    return max((leak.score for leak in find_leaks(text, secrets, history_text)), default=0.0)


def find_leaks(text: str, secrets: Iterable[str], history_text: str) -> list[Leak]:
    """All secrets that `text` tells although `history_text` does not hold them, worst first."""
    said, known = f" {normalise(text)} ", f" {normalise(history_text)} "
    leaks = [Leak(found.group(), 1.0, "mention") for found in _mentions(text, history_text)]
    for secret in dict.fromkeys(secrets):
        words = normalise(secret)
        if words and f" {words} " not in known:
            leak = _told(secret, words, said, known, text, history_text)
            if leak is not None:
                leaks.append(leak)
    return sorted(leaks, key=lambda leak: -leak.score)


def _mentions(text: str, history: str) -> list[re.Match[str]]:
    found = _MENTION.search(text)
    return [found] if found and found.group().lower() not in history.lower() else []


def _told(secret: str, words: str, said: str, known: str, text: str, history: str) -> Leak | None:
    statement = _statement(words)
    if statement is not None and _together(history, *statement):
        return None
    if f" {words} " in said:
        weak = words.isdigit() and len(words) < 3
        return Leak(secret, 0.4, "weak") if weak else Leak(secret, 1.0, "outright")
    if statement is not None:
        return Leak(secret, 0.8, "statement") if _asserts(text, *statement) else None
    wanted = content(words)
    if len(wanted) < _LONG:
        return None
    window = 3 * len(words.split())
    share = _coverage(wanted, said, window)
    if share < _PARAPHRASE_FROM or _coverage(wanted, known, window) >= share:
        return None
    return Leak(secret, round(0.9 * share, 3), "paraphrase")


def _statement(words: str) -> tuple[str, str] | None:
    """Read a short secret as "X is in Y": the words before the link and those after it."""
    parts = words.split()
    links = [i for i, word in enumerate(parts) if word in _PLACING or word in _HOLDING]
    if not links:
        return None
    thing = [w for w in parts[: links[0]] if w not in STOP]
    place = [w for w in parts[links[0] :] if w not in STOP and w not in _HOLDING | _PLACING]
    if not thing or not place or len(thing) + len(place) > 6:
        return None
    return " ".join(thing), " ".join(place)


def _asserts(text: str, thing: str, place: str) -> bool:
    spoken = sentences(text)
    for i, sentence in enumerate(spoken):
        if _HEDGES.intersection(sentence.split()):
            continue
        said = _without_pronouns(sentence, thing, before=" ".join(spoken[max(0, i - 2) : i]))
        if _states(said, thing, place) or _states(said, place, thing):
            return True
    return False


def _without_pronouns(sentence: str, thing: str, before: str) -> str:
    """Put the thing in the place of "it" where it was spoken of before."""
    words: list[str] = []
    for word in sentence.split():
        spoken_of = f" {thing} " in f" {before} {' '.join(words)} "
        words.append(thing if word in _PRONOUNS and spoken_of else word)
    return " ".join(words)


def _states(sentence: str, first: str, second: str) -> bool:
    """Whether `first` and then `second` stand in a sentence with nothing but a link between."""
    padded = f" {sentence} "
    end = padded.find(f" {second} ")
    start = padded.rfind(f" {first} ", 0, end + 1) if end >= 0 else -1
    if start < 0 or _SEEKING.intersection(_clause(padded[:start])[-4:]):
        return False
    between = padded[start + len(first) + 2 : end].split()
    names_a_link = any(word in _PLACING or word in _HOLDING for word in between)
    return names_a_link and all(word in _LINKS or word in _HOLDING for word in between)


def _clause(text: str) -> list[str]:
    """The words since the last conjunction."""
    words = text.split()
    breaks = [i for i, word in enumerate(words) if word in _CONJUNCTIONS]
    return words[breaks[-1] + 1 :] if breaks else words


def _together(text: str, one: str, other: str) -> bool:
    return any(
        f" {one} " in f" {sentence} " and f" {other} " in f" {sentence} "
        for sentence in sentences(text)
    )


def _coverage(wanted: frozenset[str], text: str, window: int) -> float:
    """Largest share of the words `wanted` that stands within any `window` words in a row."""
    words = text.split()
    best = 0
    for i, word in enumerate(words):
        if word in wanted:
            best = max(best, len(wanted.intersection(words[i : i + window])))
            if best == len(wanted):
                break
    return best / len(wanted)
