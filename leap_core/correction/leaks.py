"""Leak audit: does a correction say what the student's own history could not tell it?

The measure of invariant 1 on the teacher's side (paper section 3.1: the expert "must not reveal
privileged information in its feedback"). Texts are compared as normalised words, so case,
punctuation, plurals, number words and the ways of numbering an object ("mug 2", "mug2",
"the second mug") make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from leap_core.types import Trajectory

_NUMBERS = {
    word: str(number)
    for number, words in enumerate(
        "one first|two second|three third|four fourth|five fifth|six sixth|seven seventh|"
        "eight eighth|nine ninth|ten tenth".split("|"),
        1,
    )
    for word in words.split()
}
_ORDINALS = {word for word in _NUMBERS if word[-2:] in ("st", "nd", "rd", "th")}
_STOP = frozenset(
    "a an the this that these those is are was were be been being am i it its to of in on at by "
    "for from with into onto inside and or but so then there here as not no number has have had "
    "do does did will would should can could my your their his her you we they".split()
)
_WORD = re.compile(r"\d+|[^\W\d_]+")
_PARAPHRASE_FROM = 0.75
"""Share of a long secret's content words that a paraphrase must hold to count as one."""


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
    """How clearly `text` tells a secret that `history_text` does not hold: 0 (no) … 1 (verbatim).

    1 means that the words of a secret stand in the text in a row. Between 0 and 1, part of the
    content words of a longer secret stand close together.
    """
    said, known = _words(text), _words(history_text)
    return max((_secret_score(_words(secret), said, known) for secret in secrets), default=0.0)


def _secret_score(secret: list[str], said: Sequence[str], known: Sequence[str]) -> float:
    if not secret or _contains(known, secret):
        return 0.0
    if _contains(said, secret):
        return 1.0
    content = {word for word in secret if word not in _STOP}
    if len(content) < 4:
        return 0.0
    window = 3 * len(secret)
    told = _coverage(content, said, window)
    if told < _PARAPHRASE_FROM or _coverage(content, known, window) >= told:
        return 0.0
    return told * 0.9


def _words(text: str) -> list[str]:
    """Normalise: lower case, no accents or punctuation, singular, numbers after their noun."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    words: list[str] = []
    pending = ""
    for word in _WORD.findall(plain):
        if word in _ORDINALS:
            pending = _NUMBERS[word]
            continue
        if word in ("number", "no") and words:
            continue
        words.append(_NUMBERS.get(word) or _singular(word))
        if pending:
            words.append(pending)
            pending = ""
    return words


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-3] + "y" if word.endswith("ies") else word[:-1]
    return word


def _contains(words: Sequence[str], part: Sequence[str]) -> bool:
    first, size = part[0], len(part)
    return any(
        words[i] == first and list(words[i : i + size]) == list(part)
        for i in range(len(words) - size + 1)
    )


def _coverage(content: set[str], words: Sequence[str], window: int) -> float:
    """Largest share of `content` that stands within any `window` words in a row."""
    places = [i for i, word in enumerate(words) if word in content]
    best = 0
    for i in places:
        best = max(best, len(content.intersection(words[i : i + window])))
    return best / len(content)
