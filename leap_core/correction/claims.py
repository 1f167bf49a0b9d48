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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HEDGES = _words(
    "may might could maybe perhaps probably possibly presumably usually often likely unlikely "
    "typically sometimes commonly generally normally mostly hopefully chance would tend tends "
    "seem seems looks sounds appears possible probable plausible promising guess suppose suspect "
    "think believe expect assume imagine wonder hope bet try sensible natural typical usual "
    "customary potential candidate candidates unsure common obvious good reasonable logical"
)
_WORTH = re.compile(r"\bworth (?:a|another|one|the|trying|checking|looking|visiting|opening|it)\b")
_CONDITIONS = _words("if whether unless case otherwise would")
_SHOULD = re.compile(r"^should\b|\bshould (?:be (?!opened|visited|checked)|have|hold|contain)")
_SEARCHING = _words(
    "look looking search searching check checking seek seeking try trying want wanting need needs "
    "hunt hunting explore exploring inspect inspecting examine see investigate scan asks asked "
    "require requires lack lacks missing verify"
)
_WANTING = _words("need needs want wants require requires seek")
_WHO = _words("i we task")
_DENIALS = _words("no not never nothing none without neither nor cannot didn't isn't don't doesn't")
_DENIALS |= _words("haven't hasn't wasn't aren't won't can't nowhere lacks unvisited unexplored")
_UNKNOWN = _words("unopened unchecked yet")
_GENERAL = _words("people homes home houses household belong belongs natural everyone anyone most")
_CERTAIN = re.compile(
    r"\b(?:(?:right|correct|only|exact|true) (?:place|one|spot|location|choice|answer|target|folder"
    r"|directory|file|page|table|column|thing|product|item)"
    r"|(?:i am|i'm|quite|absolutely) (?:sure|certain|positive)|definitely|certainly|surely"
    r"|no doubt|undoubtedly|guaranteed|for sure|is certain|i (?:already |happen to )?know(?: that)?"
    r"|(?:straight|directly) to|has to be|must be|can only be|no need|need not|only|precisely"
    r"|exactly|nowhere else|no other)\b"
)
_UNSURE = re.compile(r"\b(?:not (?:sure|certain|know)|don't know|do not (?:yet )?know|unsure)\b")
_ERRAND = re.compile(
    r"\b(?:take|taking|taken|took|pick|picking|get|getting|got|fetch|fetching|grab|grabbing"
    r"|collect|collecting|retrieve|retrieving|obtain|gather|carrying|use|buy|copy|read|open"
    r"|work with|find|reach)\b"
)
_DELIVERY = re.compile(
    r"\b(?:(?:must|have to|has to|should|will|to|and|then|i|can|would) (?:\w+ )?"
    r"(?:put|place|bring|carry|move|deliver|return|drop|leave|set|store|go)|goes (?:to|in|on|into)"
    r"|put it|place it|bring it)\b"
)
_TARGET = re.compile(
    r"\b(?:(?:what(?:ever)?|everything|all|all that) "
    r"(?:i|we|the task|is|was|the (?:user|shopper|instruction))\b[\w ]{0,40}?"
    r"(?:need|needs|needed|want|wants|wanted|looking for|after|seek|asks for|asked for|sent|find)"
    r"|(?:the|my|our) (?:\w+ )?(?:object|item|thing|target|goal|prize|product|file|tool)\b"
    r"|(?:thing|object|item|one) (?:that )?i (?:need|want|am looking for|am after))"
)
_LINKING = re.compile(
    r"\b(?:is|are|was|were|be|lies|lie|lying|sits|sit|sitting|rests|rest|stands|stand|waits|wait"
    r"|waiting|found|kept|hidden|stored|located|placed|put|left|lives|lay|comes|stays|remains"
    r"|available|in|on|at|inside|within|under|from|upon|atop|off|out)\b"
)
_HOLDING = re.compile(
    r"\b(?:has|have|had|holds?|holding|contains?|hides?|hiding|conceals?|stores?|keeps?|houses"
    r"|bears?|carries|lists|shows|features|with|offers|includes)\b"
)
_PRONOUN_AT = re.compile(
    r"\b(?:(?:it|one|they|them|that)(?:'s| is| are| was| lies| sits| rests| waits| can be \w+"
    r"| has been \w+| will be)?(?: \w+)? (?:in|on|at|inside|within|under|from|up at)\b"
    r"|(?:has|have|holds|contains|hides|keeps|with) (?:it|one|them)\b"
    r"|there (?:is|are|was) (?:one|some)\b|(?:get|take|fetch|grab|collect) (?:it|one|them)\b)"
)
_HERE = re.compile(
    r"\b(?:there|inside|that place|that spot|this place|(?:on|in|from|at|under|inside|within) it"
    r"|^(?:it|this|that) (?:has|holds|contains|hides|stores|keeps)"
    r"|(?:that's|that is|this is|it is|it's) (?:the|where|its)\b)"
)
_EXISTENTIAL = re.compile(r"\bthere (?:is|are|was|were|may|might|could|will|has|would|must)\b")
_IT_IS = re.compile(r"(?:it|one|that|they) (?:is|was|lies|sits|rests|waits|has been|can be|must)\b")
_FINDING_OUT = re.compile(r"\b(?:see|know|find out|tell|learn|ask|wonder|check|remember)$")
_AT = re.compile(r"(?:rather |instead )?(?:in|on|at|inside|within|under)\b")
_TO_FIND = re.compile(r"\bto find\b")
_FORETOLD = re.compile(r"\b(?:will|going to|shall|can) (?:surely )?(?:see|find|have|meet)\b")
_TELLS = re.compile(
    r"\b(?:is|has|holds|contains|lies|sits|rests|waits|reveals|shows|uncovers|exposes|turns up"
    r"|appears|stands|was (?:left|put|placed))\b"
)
_TERSE = 4
"""Words that may follow the colon of a note such as "mug: cabinet 3"."""
_VERB_FIRST = re.compile(
    r"(?:is|was|lies|sits|rests|waits|has been|can be|will be|stands|has|must be)\b"
)
_VISIT = re.compile(
    r"^(?:if|when|once|after|by|as soon as|on|at|in|inside)?\b.*?\b(?:go|going|get|getting|open"
    r"|opening|visit|visiting|look|looking|walk|am|reach|arrive|check|head|heading)\b"
)
_THEN_SEEN = re.compile(
    r"\b(?:will|'ll|i'll|shall|going to) (?:\w+ )?(?:see|find|have|get|meet|be)\b"
)
_SHOWS = re.compile(r"\b(?:can see|see|is|are|lies|lie|waits|sits|rests|find)\b")
_ENDED = _words("done finished end finally solved complete")
_RELATIVE = frozenset({"where", "which", "that", "whose"})


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
    if clause.question or _UNSURE.search(clause.text):
        return True
    words = set(clause.words)
    if is_certain(clause) and not words & _CONDITIONS:
        return False
    if words & (_HEDGES | _CONDITIONS | _GENERAL) or _WORTH.search(clause.text):
        return True
    if _SHOULD.search(clause.text):
        return True
    return clause.opener in ("and", "where", "which", "that") and _hedged_before(spoken, i)


def is_certain(clause: Clause) -> bool:
    """Whether a clause claims to know."""
    return bool(_CERTAIN.search(clause.text)) and not _UNSURE.search(clause.text)


def denies(clause: Clause) -> bool:
    """Whether a clause says that something is not so."""
    return bool(_DENIALS.union(_UNKNOWN).intersection(clause.words))


def points_at(spoken: Sequence[Clause], relation: Relation) -> Clause | None:
    """Return the first clause that is sure of the place alone, whatever lies there."""
    for i, clause in enumerate(spoken):
        if not clause.has(relation.value) or clause.question or is_open(spoken, i):
            continue
        text = clause.text
        left = _words("left remaining unexplored remains last").intersection(clause.words)
        if is_certain(clause) and not left and "not yet" not in text:
            return clause
    return None


def _hedged_before(spoken: Sequence[Clause], i: int) -> bool:
    before = spoken[i - 1] if i else None
    if before is None or before.sentence != spoken[i].sentence:
        return False
    return bool(_HEDGES.intersection(before.words)) and not is_certain(before)


def _claims(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    clause = spoken[i]
    place = clause.has(relation.value)
    named = (*relation.value, *relation.hint)
    if place is None and not _refers_back(spoken, i, named):
        return False
    thing = clause.has(relation.subject)
    if thing is None and not (_TARGET.search(clause.text) or _stands_for(spoken, i, relation)):
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
    visits = _VISIT.search(before.text) and not before.has(relation.subject)
    shows = _AT.match(before.text) and len(before.words) <= _TERSE
    if shows and _SHOWS.search(clause.text) and not denies(clause):
        return True
    says_so = _PRONOUN_AT.search(before.text) or _UNSURE.search(before.text)
    return bool(visits and not says_so and _THEN_SEEN.search(clause.text))


def _refers_back(spoken: Sequence[Clause], i: int, names: Sequence[str]) -> bool:
    """Whether "there", "where" or "which" in a clause mean a place that was just named."""
    clause = spoken[i]
    text = _EXISTENTIAL.sub("", clause.text)
    if clause.opener not in _RELATIVE and not _HERE.search(text):
        return False
    before = [c for c in spoken[max(0, i - 2) : i] if c.sentence >= clause.sentence - 1]
    return any(c.has(names) for c in before)


def _stands_for(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    """Whether the thing is meant by "it" or "one", or was named just before a colon or a "but"."""
    clause = spoken[i]
    if _PRONOUN_AT.search(clause.text):
        return True
    before = spoken[i - 1] if i else None
    if before is None:
        return False
    if before.sentence != clause.sentence:
        asked = before.question and bool(before.has(relation.subject))
        return asked and max(len(before.words), len(clause.words)) <= _TERSE
    if clause.opener == "," and _VERB_FIRST.match(clause.text):
        return any(c.has(relation.subject) for c in spoken[max(0, i - 2) : i])
    if clause.opener == "where" and _IT_IS.match(clause.text):
        return not _FINDING_OUT.search(before.text)
    if not before.has(relation.subject):
        return False
    if clause.opener == "but":
        return bool(_AT.match(clause.text))
    terse = clause.opener in (":", "(", "–", "—") and len(clause.words) <= _TERSE
    return terse and not denies(before) and not _SEARCHING.intersection(before.words)


def _is_plural(clause: Clause, relation: Relation) -> bool:
    return any(f"{name.split()[-1]}s" in clause.words for name in relation.subject)


def _only_seeks(clause: Clause, names: Sequence[str]) -> bool:
    """Whether the clause looks for the thing rather than telling where it is."""
    words = clause.words
    at = _seeks_at(clause, names)
    if at is None:
        return bool(_TO_FIND.search(clause.text))
    if _FORETOLD.search(clause.text):
        return False
    before, rest = " ".join(words[:at]), " ".join(words[at + 1 :])
    told = _HOLDING.search(before) or re.search(r"\b(?:is|are|lies|sits|was)\b", before)
    if told and not re.search(r"\bi (?:am|was)\b", before):
        return False
    return not _TELLS.search(rest)


def _seeks_at(clause: Clause, names: Sequence[str]) -> int | None:
    """Where the clause begins to search; "the mug that I need" only says which mug is meant."""
    words = clause.words
    for at, word in enumerate(words):
        if word not in _SEARCHING:
            continue
        if word in _WANTING and at and words[at - 1] in _WHO:
            before = f" {normalise(' '.join(words[: at - 1]))} "
            if any(f" {name} " in before for name in names):
                continue
        return at
    return None


def _delivers(text: str) -> bool:
    found = _DELIVERY.search(text)
    return bool(found) and not _ERRAND.search(text)


def _hints(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    """Whether the clause states outright that the thing is in some place of this kind."""
    clause = spoken[i]
    kind = clause.has(relation.hint)
    if not kind or _is_plural(clause, relation):
        return False
    named = clause.has(relation.subject) or _TARGET.search(clause.text)
    if not named and not _spoken_of(spoken, i, relation):
        return False
    if denies(clause) or _only_seeks(clause, relation.subject) or _delivers(clause.text):
        return False
    if _ENDED.intersection(clause.words) or not _definite(clause, kind):
        return False
    return bool(_LINKING.search(clause.text) or _HOLDING.search(clause.text))


def _spoken_of(spoken: Sequence[Clause], i: int, relation: Relation) -> bool:
    """Whether "it" is said to be somewhere, and means the thing, which was just named."""
    if not _PRONOUN_AT.search(spoken[i].text):
        return False
    return any(clause.has(relation.subject) for clause in spoken[max(0, i - 2) : i])


def _definite(clause: Clause, kind: str) -> bool:
    """Whether the clause speaks of one place of this kind, not of the kind itself."""
    last = kind.split()[-1]
    if last in clause.words:
        return True
    return bool(re.search(r"\b(?:one|some|any) of (?:the|these|those)\b", clause.text))
