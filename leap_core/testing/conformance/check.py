"""What a check is, and what comes of one."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from leap_core.errors import DataError, MissingExtra
from leap_core.plugins.registry import Kind

State = Literal["passed", "failed", "skipped"]
DOCS = "docs/conformance.md"


class Nonconformity(AssertionError):
    """A part breaks its contract: what was expected, what came, and where that is explained."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}; found {found}")
        self.expected = expected
        self.found = found


class NotApplicable(Exception):
    """A check cannot be made of this part, and why: it offers no such thing, or data is missing."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check. `expected` and `found` are set where it failed."""

    check: str
    state: State
    expected: str = ""
    found: str = ""
    docs: str = ""

    def describe(self) -> str:
        """The result in words, as a failed test shows it."""
        if self.state == "failed":
            return (
                f"{self.check}\n  expected: {self.expected}\n  found: {self.found}\n"
                f"  see: {self.docs}"
            )
        return f"{self.check}: {self.state}" + (f" ({self.found})" if self.found else "")


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of a contract. `function` takes a subject and raises `Nonconformity`."""

    kind: Kind
    name: str
    function: Callable[[Any], None]

    @property
    def docs(self) -> str:
        return f"{DOCS}#{self.name}"

    def run(self, subject: Any) -> Result:
        """Check `subject`; whatever a part raises is a result, never an exception."""
        try:
            self.function(subject)
        except Nonconformity as error:
            return Result(self.name, "failed", error.expected, error.found, self.docs)
        except (NotApplicable, DataError, MissingExtra) as error:
            return Result(self.name, "skipped", found=str(error))
        except Exception as error:
            found = f"{type(error).__name__}: {error} ({_place(error)})"
            return Result(self.name, "failed", "no exception", found, self.docs)
        return Result(self.name, "passed")


_CHECKS: list[Check] = []


def check(kind: Kind, name: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Declare a check; `name` is its heading in the documentation."""

    def declare(function: Callable[[Any], None]) -> Callable[[Any], None]:
        _CHECKS.append(Check(kind, name, function))
        return function

    return declare


def declared(kind: Kind) -> list[Check]:
    """The checks of a kind that have been declared so far, in that order."""
    return [c for c in _CHECKS if c.kind == kind]


def expect(holds: object, expected: str, found: object) -> None:
    """Raise `Nonconformity` unless `holds`."""
    if not holds:
        raise Nonconformity(expected, found if isinstance(found, str) else shown(found))


def shown(value: object, length: int = 200) -> str:
    """A value as one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= length else f"{text[:length]}…"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    return f"{last.filename}:{last.lineno}"
