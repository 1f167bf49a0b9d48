"""Which words of a title are nouns: the part of the reward that upstream leaves to spaCy.

The rule is recorded with every score. The built-in one is not spaCy: it takes every word that is
no function word, plain number, or common adjective in lower case. Titles write most words with a
capital, and spaCy then takes adjectives for names. "every" takes all words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from leap_core import MissingExtra

NounRule = Literal["builtin", "every", "spacy-sm", "spacy-md", "spacy-lg"]
Nouns = Callable[[str], tuple[str, ...]]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\w.,]*")
_POSSESSIVE = ("'s", "’s")
_FUNCTION_WORDS = frozenset(
    "a an the and or nor but of for with without to from in into on onto at by as per plus than "
    "that this these those your our my his her its their you we it all any each every both some "
    "is are be was not no so too very more most less up out off over under about w can made make "
    "only use includes included etc one two three".split()
)
_ADJECTIVES = frozenset(
    "new old big small large medium mini great good best better high low long short tall wide "
    "thin thick slim soft hard light heavy warm cool cold hot dry wet fresh pure natural organic "
    "real true genuine premium perfect beautiful cute sexy elegant modern classic vintage casual "
    "formal comfortable comfy portable adjustable removable reusable washable waterproof durable "
    "electric electronic wireless digital automatic manual professional personal universal "
    "compatible available suitable ideal easy quick fast free full half double single dual multi "
    "extra super ultra black white red blue green yellow brown grey gray pink purple navy beige "
    "listed assorted stainless unisex adult indoor outdoor round square flat fit".split()
)


@lru_cache(maxsize=4)
def noun_rule(name: NounRule) -> Nouns:
    """The rule of a name: from a title to its nouns, lower case, in order, with repetitions.

    Raises:
        MissingExtra: spaCy or its model is not installed.
    """
    rules: dict[str, Nouns] = {"builtin": _builtin, "every": _every}
    rule = rules.get(name) or _spacy(name)
    return lru_cache(maxsize=1 << 16)(rule)


def _every(title: str) -> tuple[str, ...]:
    return tuple(title.lower().split())


def _builtin(title: str) -> tuple[str, ...]:
    return tuple(_plain(word) for word in _WORD.findall(title) if _is_noun(word))


def _is_noun(word: str) -> bool:
    plain = _plain(word)
    if word[0].isdigit():
        return any(sign.isalpha() for sign in word)  # "1080p", "4pcs"
    if plain in _FUNCTION_WORDS:
        return False
    return word[0].isupper() or (len(plain) > 1 and plain not in _ADJECTIVES)


def _plain(word: str) -> str:
    """Lower case, without a possessive ending."""
    lower = word.lower()
    return lower[:-2] if lower.endswith(_POSSESSIVE) else lower


def _spacy(name: str) -> Nouns:
    model = f"en_core_web_{name.removeprefix('spacy-')}"
    try:
        import spacy

        parse = spacy.load(model, disable=["parser", "ner", "lemmatizer"])
    except ImportError as error:
        raise MissingExtra("the noun rule " + name, "spacy", "leap-webshop[spacy]") from error
    except OSError as error:
        raise MissingExtra(
            f"the noun rule {name} (run also: python -m spacy download {model})",
            model,
            "leap-webshop[spacy]",
        ) from error

    def nouns(title: str) -> tuple[str, ...]:
        return tuple(t.text.lower() for t in parse(title) if t.pos_ in ("NOUN", "PROPN"))

    return nouns
