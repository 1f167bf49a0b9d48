"""Leak audit by rules: does a correction say what the student's own history could not tell it?

The teacher's side of invariant 1 (paper section 3.1: the expert "must not reveal privileged
information in its feedback"). Texts are compared as normalised words, so case, punctuation,
plurals, number words and the ways of numbering an object ("mug 2", "mug2", "the second mug") make
no difference. A secret is told

- outright, where its words stand in a row (score 1),
- as a statement, where a clause claims a fact in whatever words, "it" and "there" included; a
  guess, a question, a search and a general rule claim nothing (`claims`) (score 0.8),
- in paraphrase, where most content words of a long secret stand close together (up to 0.9),

unless the history holds it in the same sense. A text that mentions privileged information as such
("according to the hidden state") leaks whatever it goes on to say (score 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from leap_core.correction.answers import answered, scored
from leap_core.correction.claims import Relation, asserts, is_open, points_at
from leap_core.correction.history import History
from leap_core.correction.text import STOP, Clause, clauses, content, normalise
from leap_core.types import Fact

How = Literal["outright", "statement", "paraphrase", "weak", "mention", "judge", "likelihood"]

_PLACING = re.compile(r"^(.+?) (?:is |are |lie |was )?(?:in|on|at|inside|within|under) (.+)$")
_HOLDING = re.compile(r"^(.+?) (?:has|have|hold|contain|hide|keep) (.+)$")
_MENTION = re.compile(
    r"\b(?:privileged|(?:hidden|secret|true) (?:fact|state|information|goal|solution|answer|query"
    r"|command|plan)s?|ground[- ]truth|gold (?:command|query|answer|product|solution)|answer key"
    r"|(?:reference|expected|known|official) (?:answer|output|result|solution|query|command)"
    r"|example product|target product|reward function|optimal (?:plan|action sequence)"
    r"|as the teacher|(?:i was|i've been|i have been) told|according to the (?:plan|solution|state)"
    r"|the (?:evaluator|grader|scorer|checker|reward) (?:wants|expects|accepts|prefers|looks for)"
    r"|the simulator (?:says|shows|tells|knows|state))\b",
    re.IGNORECASE,
)
_PARAPHRASE_FROM = 0.75
"""Share of a long secret's content words that must stand together to count as a paraphrase."""
_LONG = 4
"""Content words from which a secret can be paraphrased."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One secret that a text tells: how clearly (0 … 1), in which way, and in which words."""

    secret: str
    score: float
    how: How
    words: str = ""

    @property
    def explained(self) -> str:
        """What gave the secret away, in one line."""
        words = f", in the words {self.words!r}" if self.words else ""
        return f"{self.how}: {self.secret}{words}"


def leak_score(text: str, secrets: Iterable[str | Fact], history: History | str) -> float:
    """How clearly `text` tells something that `history` does not hold: 0 (not) … 1."""
    return max((leak.score for leak in find_leaks(text, secrets, history)), default=0.0)


def find_leaks(text: str, secrets: Iterable[str | Fact], history: History | str) -> list[Leak]:
    """Return all secrets that `text` tells although `history` does not hold them, worst first."""
    known = History.of_text(history) if isinstance(history, str) else history
    said, spoken = f" {normalise(text)} ", clauses(text)
    leaks = [Leak(found.group(), 1.0, "mention") for found in _mentions(text, known)]
    for secret in dict.fromkeys(secrets):
        if isinstance(secret, Fact):
            leak = _told_fact(secret, said, spoken, known)
        else:
            leak = _told(secret, normalise(secret), said, spoken, known)
        if leak is not None:
            leaks.append(leak)
    return sorted(leaks, key=lambda leak: -leak.score)


def _mentions(text: str, history: History) -> list[re.Match[str]]:
    found = _MENTION.search(text)
    return [found] if found and found.group().lower() not in history.text.lower() else []


def _told_fact(fact: Fact, said: str, spoken: Sequence[Clause], known: History) -> Leak | None:
    subject, value, hint = map(_names, (fact.subject, fact.value, fact.hint))
    if fact.kind == "name":
        return _named(str(fact), value, said, known)
    if fact.kind == "answer":
        words = answered(spoken, fact.value, known)
        return Leak(str(fact), 0.8, "statement", words) if words else None
    if fact.kind == "worth":
        words = scored(spoken, subject, fact.value[0])
        return Leak(str(fact), 0.9, "statement", words) if words else None
    if not any(f" {name} " in said for name in (*value, *hint)):
        return None
    if known.together(subject, (*value, *hint)):
        return None
    relation = Relation(subject, value, () if known.aims_at(hint) else hint)
    clause = asserts(spoken, relation) or points_at(spoken, relation)
    return Leak(str(fact), 0.8, "statement", clause.text) if clause else None


def _named(shown: str, names: Sequence[str], said: str, known: History) -> Leak | None:
    found = next((name for name in names if f" {name} " in said), None)
    if found is None or known.holds(names):
        return None
    return Leak(shown, 1.0, "outright", found)


def _told(
    secret: str, words: str, said: str, spoken: Sequence[Clause], known: History
) -> Leak | None:
    if not words or known.holds([words]):
        return None
    relation = _relation(words)
    if relation is not None and known.together(relation.subject, relation.value):
        return None
    if f" {words} " in said:
        weak = words.isdigit() and len(words) < 3
        clause = next((i for i, c in enumerate(spoken) if f" {words} " in c.key), None)
        if relation is None or clause is None or not is_open(spoken, clause):
            return Leak(secret, 0.4, "weak") if weak else Leak(secret, 1.0, "outright", words)
    if relation is not None:
        claim = asserts(spoken, relation)
        return Leak(secret, 0.8, "statement", claim.text) if claim else None
    wanted = content(words)
    if len(wanted) < _LONG:
        return None
    window = 3 * len(words.split())
    share = _coverage(wanted, said, window)
    if share < _PARAPHRASE_FROM or _coverage(wanted, f" {normalise(known.text)} ", window) >= share:
        return None
    return Leak(secret, round(0.9 * share, 3), "paraphrase")


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """Normalise names; "dining table 2" is "dining 2 table" where it was "second dining table"."""
    found = [name for name in map(normalise, names) if name]
    for name in tuple(found):
        first, _, rest = name.partition(" ")
        middle, _, number = rest.rpartition(" ")
        if number.isdigit() and middle:
            found.append(f"{first} {number} {middle}")
    return tuple(dict.fromkeys(found))


def _relation(words: str) -> Relation | None:
    """Read a short secret as "X is in Y" or "Y has X"."""
    if len(words) > 200:
        return None
    placed, held = _PLACING.match(words), _HOLDING.match(words)
    found = placed or held
    if found is None:
        return None
    thing, place = (_bare(part) for part in found.groups())
    if not placed:
        thing, place = place, thing
    if not thing or not place or len(thing.split()) + len(place.split()) > 6:
        return None
    return Relation((thing,), (place,))


def _bare(words: str) -> str:
    return " ".join(word for word in words.split() if word not in STOP)


def _coverage(wanted: frozenset[str], text: str, window: int) -> float:
    """Largest share of the words `wanted` that stands within any `window` words in a row."""
    words, inside = text.split(), dict.fromkeys(wanted, 0)
    here = best = 0
    for i, word in enumerate(words):
        if word in inside:
            here += inside[word] == 0
            inside[word] += 1
        if i >= window and (gone := words[i - window]) in inside:
            inside[gone] -= 1
            here -= inside[gone] == 0
        best = max(best, here)
    return best / len(wanted)
