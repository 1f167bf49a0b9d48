"""Claim or guess: does a clause assert that a thing is somewhere, or only look for it there?

Rules of thumb over the words of one clause, with "it", "there" and "where" read back to what was
named before. A hedge, a question, a condition, a search, a denial and a general statement ("mugs
are often in cabinets") assert nothing. What remains and names both sides of a fact is a claim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leap_core.correction.text import Clause, normalise
from leap_core.correction.vocabulary import (
    AT,
    CERTAIN,
    CONDITIONS,
    DELIVERY,
    DENIALS,
    ENDED,
    ERRAND,
    EXISTENTIAL,
    FINDING_OUT,
    FORETOLD,
    GENERAL,
    HEDGES,
    HERE,
    HOLDING,
    IT_IS,
    LINKING,
    PRONOUN_AT,
    RELATIVE,
    SEARCHING,
    SHOULD,
    SHOWS,
    TARGET,
    TELLS,
    TERSE,
    THEN_SEEN,
    TO_FIND,
    UNKNOWN,
    UNSURE,
    VERB_FIRST,
    VISIT,
    WANTING,
    WHO,
    WORTH,
    words_of,
)


@dataclass(frozen=True, slots=True)
class Relation:
    """Normalised names of a thing and of where it is."""

    subject: tuple[str, ...]
    value: tuple[str, ...]
    hint: tuple[str, ...] = ()


def asserts(spoken: Sequence[Clause], relation: Relation) -> Clause | None:
    """Return the first clause that claims the relation; None if none does."""
    for i, clause in enumerate(spoken):
        if is_open(spoken, i):
            continue
        if _claims(spoken, i, relation) or _foretells(spoken, i, relation):
            return clause
        if relation.hint and not clause.has(relation.value) and _hints(spoken, i, relation):
            return clause
    return None


def is_open(spoken: Sequence[Clause], i: int) -> bool:
    """Whether a clause leaves open what it speaks of: a question, a hedge or a condition."""
    clause = spoken[i]
    if clause.question or UNSURE.search(clause.text):
        return True
    words = set(clause.words)
    if is_certain(clause) and not words & CONDITIONS:
        return False
    if words & (HEDGES | CONDITIONS | GENERAL) or WORTH.search(clause.text):
        return True
    if SHOULD.search(clause.text):
        return True
    return clause.opener in ("and", "where", "which", "that") and _hedged_before(spoken, i)


def is_certain(clause: Clause) -> bool:
    """Whether a clause claims to know."""
    return bool(CERTAIN.search(clause.text)) and not UNSURE.search(clause.text)


def denies(clause: Clause) -> bool:
    """Whether a clause says that something is not so."""
    return bool(DENIALS.union(UNKNOWN).intersection(clause.words))


def points_at(spoken: Sequence[Clause], relation: Relation) -> Clause | None:
    """Return the first clause that is sure of the place alone, whatever lies there."""
    for i, clause in enumerate(spoken):
        if not clause.has(relation.value) or clause.question or is_open(spoken, i):
            continue
        text = clause.text
        left = words_of("left remaining unexplored remains last").intersection(clause.words)
        if is_certain(clause) and not left and "not yet" not in text:
            return clause
    return None


def _hedged_before(spoken: Sequence[Clause], i: int) -> bool:
    before = spoken[i - 1] if i else None
    if before is None or before.sentence != spoken[i].sentence:
        return False
    return bool(HEDGES.intersection(before.words)) and not is_certain(before)


def _claims(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    clause = spoken[i]
    place = clause.has(relation.value)
    named = (*relation.value, *relation.hint)
    if place is None and not _refers_back(spoken, i, named):
        return False
    thing = clause.has(relation.subject)
    if thing is None and not (TARGET.search(clause.text) or _stands_for(spoken, i, relation)):
        return False
    if denies(clause) and not is_certain(clause):
        return False
    if _is_plural(clause, relation) and place is None:
        return False
    return not _only_seeks(clause, relation.subject) and not _delivers(clause.text)


def _foretells(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    """Whether the clause says that the thing will be found once the place just named is visited."""
    clause, before = spoken[i], spoken[i - 1] if i else None
    if before is None or before.sentence != clause.sentence or before.question:
        return False
    if not clause.has(relation.subject) or not before.has(relation.value):
        return False
    visits = VISIT.search(before.text) and not before.has(relation.subject)
    shows = AT.match(before.text) and len(before.words) <= TERSE
    if shows and SHOWS.search(clause.text) and not denies(clause):
        return True
    says_so = PRONOUN_AT.search(before.text) or UNSURE.search(before.text)
    return bool(visits and not says_so and THEN_SEEN.search(clause.text))


def _refers_back(spoken: Sequence[Clause], i: int, names: Sequence[str]) -> bool:
    """Whether "there", "where" or "which" in a clause mean a place that was just named."""
    clause = spoken[i]
    text = EXISTENTIAL.sub("", clause.text)
    if clause.opener not in RELATIVE and not HERE.search(text):
        return False
    before = [c for c in spoken[max(0, i - 2) : i] if c.sentence >= clause.sentence - 1]
    return any(c.has(names) for c in before)


def _stands_for(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    """Whether the thing is meant by "it" or "one", or was named just before a colon or a "but"."""
    clause = spoken[i]
    if PRONOUN_AT.search(clause.text):
        return True
    before = spoken[i - 1] if i else None
    if before is None:
        return False
    if before.sentence != clause.sentence:
        asked = before.question and bool(before.has(relation.subject))
        return asked and max(len(before.words), len(clause.words)) <= TERSE
    if clause.opener == "," and VERB_FIRST.match(clause.text):
        return any(c.has(relation.subject) for c in spoken[max(0, i - 2) : i])
    if clause.opener == "where" and IT_IS.match(clause.text):
        return not FINDING_OUT.search(before.text)
    if not before.has(relation.subject):
        return False
    if clause.opener == "but":
        return bool(AT.match(clause.text))
    if clause.opener == "," and AT.match(clause.text) and len(clause.words) <= TERSE:
        told = LINKING.search(before.text) and not is_open(spoken, i - 1)
        return bool(told) and not denies(before) and not _only_seeks(before, relation.subject)
    terse = clause.opener in (":", "(", "–", "—") and len(clause.words) <= TERSE
    return terse and not denies(before) and not SEARCHING.intersection(before.words)


def _is_plural(clause: Clause, relation: Relation) -> bool:
    return any(f"{name.split()[-1]}s" in clause.words for name in relation.subject)


def _only_seeks(clause: Clause, names: Sequence[str]) -> bool:
    """Whether the clause looks for the thing rather than telling where it is."""
    words = clause.words
    at = _seeks_at(clause, names)
    if at is None:
        return bool(TO_FIND.search(clause.text))
    if FORETOLD.search(clause.text):
        return False
    before, rest = " ".join(words[:at]), " ".join(words[at + 1 :])
    told = HOLDING.search(before) or re.search(r"\b(?:is|are|lies|sits|was)\b", before)
    if told and not re.search(r"\bi (?:am|was)\b", before):
        return False
    return not TELLS.search(rest)


def _seeks_at(clause: Clause, names: Sequence[str]) -> int | None:
    """Where the clause begins to search; "the mug that I need" only says which mug is meant."""
    words = clause.words
    for at, word in enumerate(words):
        if word not in SEARCHING:
            continue
        if word in WANTING and at and words[at - 1] in WHO:
            before = f" {normalise(' '.join(words[: at - 1]))} "
            if any(f" {name} " in before for name in names):
                continue
        return at
    return None


def _delivers(text: str) -> bool:
    found = DELIVERY.search(text)
    return bool(found) and not ERRAND.search(text)


def _hints(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    """Whether the clause states outright that the thing is in some place of this kind."""
    clause = spoken[i]
    kind = clause.has(relation.hint)
    if not kind or _is_plural(clause, relation):
        return False
    named = clause.has(relation.subject) or TARGET.search(clause.text)
    if not named and not _spoken_of(spoken, i, relation):
        return False
    if denies(clause) or _only_seeks(clause, relation.subject) or _delivers(clause.text):
        return False
    if ENDED.intersection(clause.words) or not _definite(clause, kind):
        return False
    return bool(LINKING.search(clause.text) or HOLDING.search(clause.text))


def _spoken_of(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    """Whether "it" is said to be somewhere, and means the thing, which was just named."""
    if not PRONOUN_AT.search(spoken[i].text):
        return False
    return any(clause.has(relation.subject) for clause in spoken[max(0, i - 2) : i])


def _definite(clause: Clause, kind: str) -> bool:
    """Whether the clause speaks of one place of this kind, not of the kind itself."""
    last = kind.split()[-1]
    if last in clause.words:
        return True
    return bool(re.search(r"\b(?:one|some|any) of (?:the|these|those)\b", clause.text))
