"""Reads JSON as language models write it, without ever guessing at the content of a string.

Accepted beside JSON: comments, trailing commas, commas missing at a line's end, single quotes,
unquoted names, Python's True, False and None, raw line breaks in strings, and a lone backslash,
kept as it stands ("\\." can only have meant a backslash). Not accepted: a string, object or array
without its end, and whatever else would need a guess. Repair libraries complete those, and a shell
command that was cut off in the middle would then look like a whole one.
"""

from __future__ import annotations

import re
from typing import Any

_SPACE = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_PLAIN = {quote: re.compile(rf"[^{quote}\\]+") for quote in "\"'"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {
    '"': '"',
    "'": "'",
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_DEEPEST = 40


class Doubtful(str):
    r"""A string that can be read in two ways: \' between double quotes may or may not have meant
    its backslash. It reads without."""

    __slots__ = ()


class Unreadable(ValueError):
    """The text is not JSON, however kindly read."""


def read_value(text: str, start: int) -> tuple[Any, int]:
    """Read the value that begins at `start`; return it and where it ends.

    Raises:
        Unreadable: there is no whole value.
    """
    reader = _Reader(text, start)
    value = reader.value(0)
    return value, reader.place


class _Reader:
    def __init__(self, text: str, place: int) -> None:
        self.text = text
        self.place = place

    def value(self, depth: int) -> Any:
        self.space()
        mark = self.peek()
        if depth > _DEEPEST:
            raise Unreadable("too deep")
        if mark == "{":
            return self.object(depth)
        if mark == "[":
            return self.array(depth)
        if mark in _PLAIN:
            return self.string(mark)
        number = _NUMBER.match(self.text, self.place)
        if number:
            self.place = number.end()
            return _number(number.group())
        word = _NAME.match(self.text, self.place)
        if word and word.group() in _WORDS:
            self.place = word.end()
            return _WORDS[word.group()]
        raise Unreadable(f"no value at {self.place}")

    def object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.place += 1
        while not self.ends("}", bool(found)):
            name = self.name()
            self.space()
            if self.peek() != ":":
                raise Unreadable(f"no colon at {self.place}")
            self.place += 1
            value = self.value(depth + 1)
            if found.setdefault(name, value) != value:
                raise Unreadable(f"two values for {name}")
        return found

    def array(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self.place += 1
        while not self.ends("]", bool(found)):
            found.append(self.value(depth + 1))
        return found

    def ends(self, bracket: str, more: bool) -> bool:
        """Step over spaces and, after a member, one comma; return whether the bracket closes."""
        start = self.place
        self.space()
        parted = "\n" in self.text[start : self.place]
        if more and self.peek() == ",":
            self.place += 1
            self.space()
            parted = True
        if self.peek() == bracket:
            self.place += 1
            return True
        if more and not parted:
            raise Unreadable(f"no comma at {start}")
        return False

    def name(self) -> str:
        mark = self.peek()
        if mark in _PLAIN:
            return self.string(mark)
        word = _NAME.match(self.text, self.place)
        if word is None:
            raise Unreadable(f"no name at {self.place}")
        self.place = word.end()
        return word.group()

    def string(self, quote: str) -> str:
        parts: list[str] = []
        doubtful = False
        self.place += 1
        while True:
            plain = _PLAIN[quote].match(self.text, self.place)
            if plain:
                parts.append(plain.group())
                self.place = plain.end()
            mark = self.peek()
            self.place += 1
            if mark == quote:
                whole = _whole_characters("".join(parts))
                return Doubtful(whole) if doubtful else whole
            doubtful |= quote == '"' and self.peek() == "'"
            parts.append(self.escape())

    def escape(self) -> str:
        """Read what follows a backslash."""
        mark = self.peek()
        digits = _HEX.match(self.text, self.place + 1) if mark == "u" else None
        if digits:
            self.place = digits.end()
            return chr(int(digits.group(), 16))
        if mark in _ESCAPES:
            self.place += 1
            return _ESCAPES[mark]
        return "\\"

    def space(self) -> None:
        found = _SPACE.match(self.text, self.place)
        if found:
            self.place = found.end()

    def peek(self) -> str:
        if self.place >= len(self.text):
            raise Unreadable("the text ends in the middle")
        return self.text[self.place]


def _number(text: str) -> int | float:
    if len(text) > 40:
        raise Unreadable("a number too long to be one")
    return float(text) if re.search("[.eE]", text) else int(text)


def _whole_characters(text: str) -> str:
    r"""Join surrogate pairs that came as two \u escapes; replace lone ones, which no file takes."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
