"""Claims of an answer ("there are 17 files") and of a score ("this one brings 0.67")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from leap_core.correction.claims import is_certain, is_open
from leap_core.correction.history import History
from leap_core.correction.text import Clause, normalise, numbers

_ANSWER = re.compile(
    r"\b(?:answer|result|output|outcome|count|counts|total|number|sum|value|altogether|all"
    r"|there are|there is|of them|prints?|gives?|returns?|shows?|yields?|equals?|comes?|report"
    r"|get|expect|end up|amounts?|it is|it's|that is|have|has|matches|match|fit|fits|remain"
    r"|satisfy|qualify|meet|without|definitely|surely|reads?|says?|be)\b"
)
_LARGE = 10
"""From here on, a number that was never seen is hardly named by chance."""
_EVIDENCE = re.compile(r"\b(?:listed|listing|lists?|shows?|showed|counted|saw|above|printed)\b")
_GUESS = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|might|may|could|about|around|roughly|guess|suppose"
    r"|suspect|think|assume|bet|hope|likely|seems?|looks|wonder|nearly|approximately|whether"
    r"|unless|in case)\b"
)
_CHECKED = re.compile(r"\b(?:right|correct|correctly|works|done well|i buy|bought|i take|chosen)\b")
_NOT_AN_ANSWER = frozenset("step option column line row page first last top next".split())
"""Words after which a number counts something else."""
_REWARD = re.compile(
    r"\b(?:reward|rewards|score|scores|scored|points?|marks?|worth|grade|graded|earns?|earn|pays?"
    r"|payoff|brings?|yields?|gets?|gives?|loses?|stays at"
    r"|value of|reach(?:es)?|achieves?|attains?|receives?|results? in|leads to)\b"
)
_WANTING = re.compile(
    r"\b(?:to (?:get|earn|score|reach|win|bring|receive)|must|need|want|every|depends|should|each"
    r"|more of)\b"
)
_FULL = re.compile(
    r"\b(?:full|perfect|maximum|highest|maximal|top|best|most|entire|complete|whole)\b"
)
_READ = re.compile(
    r"\b(?:mentions?|says?|title|shows?|listed|lists|looks?|fits?|within|costs?|price|asks?)\b"
)
"""Words of what a page shows."""
_PARTS = {
    "half": 0.5, "third": 1 / 3, "thirds": 2 / 3, "quarter": 0.25, "quarters": 0.75,
    "fifth": 0.2, "nothing": 0.0, "zero": 0.0, "everything": 1.0,
}  # fmt: skip
_RIGHT = re.compile(
    r"\b(?:(?:right|correct|intended|target|wanted|exact|true|real|goal) "
    r"(?:product|item|one|answer|choice|purchase|result|thing|buy)"
    r"|(?:product|item|one|thing) (?:that is |is )?(?:wanted|intended|needed)"
    r"|is (?:correct|the answer|the target|the goal|what i (?:need|have to buy))"
    r"|(?:task|instruction|request) (?:is about|was (?:written|made) for|means|is after"
    r"|(?:was |is )?(?:derived|comes|made) from|describes|stands for)"
    r"|what (?:the|they|he|she) (?:\w+ )?(?:really |actually )?"
    r"(?:wants?|means?|is after|had in mind)"
    r"|(?:answer|solution) (?:to|for) (?:this|the)|perfect match|will be accepted)\b"
)


def answered(spoken: Sequence[Clause], values: Sequence[str], known: History) -> str:
    """Return the words that claim one of some values as the answer; "" if none do."""
    for i, clause in enumerate(spoken):
        for value in values:
            if _is_number(value):
                if _answers(spoken, i, value, known):
                    return clause.text
            elif clause.has([normalise(value)]) and not known.holds([normalise(value)]):
                return clause.text
    return ""


def scored(spoken: Sequence[Clause], subject: Sequence[str], value: str) -> str:
    """Return the words that claim what a product brings, or that it is the one; "" if none do."""
    for i, clause in enumerate(spoken):
        if _guesses(clause) or _WANTING.search(clause.text):
            continue
        named = _names(spoken, i, subject)
        if _REWARD.search(clause.text) and _amounts(clause, float(value), named):
            return clause.text
        if is_open(spoken, i) or _READ.search(clause.text):
            continue
        if named and float(value) >= 1 and (_RIGHT.search(clause.text) or is_certain(clause)):
            return clause.text
    return ""


def _names(spoken: Sequence[Clause], i: int, subject: Sequence[str]) -> bool:
    """Whether a clause names a product, or says "it" of one that was just named."""
    clause, before = spoken[i], spoken[i - 1] if i else None
    if clause.has(subject):
        return True
    if before is None or before.sentence != clause.sentence:
        return False
    return clause.words[0] in ("it", "this") and bool(before.has(subject))


def _answers(spoken: Sequence[Clause], i: int, value: str, known: History) -> bool:
    clause = spoken[i]
    at = [place for place, number in numbers(clause.words) if float(number) == float(value)]
    if not at or _guesses(clause) or known.observed(value):
        return False
    if known.lists(value) and _EVIDENCE.search(clause.text):
        return False
    if float(value) >= _LARGE and not known.holds([value]):
        return True
    alone = clause.opener == ":" and len(clause.words) <= 2
    return alone or any(_is_claimed(clause, place, known) for place in at)


def _guesses(clause: Clause) -> bool:
    """Whether a clause with a number asks, guesses, or only says what would be if."""
    if clause.question or (_GUESS.search(clause.text) and not is_certain(clause)):
        return True
    return "if" in clause.words and not _CHECKED.search(clause.text)


def _is_claimed(clause: Clause, place: int, known: History) -> bool:
    """Whether the words around a number speak of a count or of an answer."""
    words = clause.words
    if place and words[place - 1] in _NOT_AN_ANSWER:
        return False
    if _ANSWER.search(" ".join(words[max(0, place - 6) : place + 7])):
        return True
    counted = words[place + 1] if place + 1 < len(words) else ""
    many = counted.endswith("s") and words[place] not in ("1", "one")
    return many and (counted == "rows" or known.aims_at([normalise(counted)]))


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?\d+(?:\.\d+)?", value) is not None


def _amounts(clause: Clause, value: float, named: bool) -> bool:
    """Whether a clause on rewards tells this value, in figures or in words."""
    told = list(_told_amounts(clause))
    if any(abs(amount - value) < 0.02 for amount in told):
        return True
    return named and value >= 1 and not told and bool(_FULL.search(clause.text))


def _told_amounts(clause: Clause) -> Iterator[float]:
    words = clause.words
    for i, number in numbers(words):
        amount = float(number)
        if i and len(words[i - 1]) == 1 and words[i - 1] not in ("a", "i"):
            continue  # within an id such as B0…
        percent = i + 1 < len(words) and words[i + 1] in ("percent", "per")
        if percent or amount <= 1:
            yield amount / 100 if percent else amount
    yield from (_PARTS[word] for word in words if word in _PARTS)
