"""Upstream's three files: where they are, and reading them without holding them in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leap_core import DataError

ITEMS, ATTRIBUTES, HUMAN = "items_shuffle", "items_ins_v2", "items_human_ins.json"
_CHUNK = 1 << 20
_DECODER = json.JSONDecoder()
_BETWEEN = " \t\r\n,"


@dataclass(frozen=True, slots=True)
class Files:
    """The products, their attributes, and (where there are any) people's instructions."""

    items: Path
    attributes: Path
    human: Path | None

    def all(self) -> list[Path]:
        """Those that there are."""
        return [path for path in (self.items, self.attributes, self.human) if path is not None]


def find_files(folder: Path, name: str | None = None) -> Files:
    """The files of a catalogue in a folder; `name` chooses where there are several.

    Raises:
        DataError: the folder or a file is missing, or it is not clear which catalogue is meant.
    """
    if not folder.is_dir():
        raise DataError(f"the folder of WebShop's files '{folder}' does not exist")
    found = sorted(folder.glob(f"{ITEMS}*.json"))
    if name is not None:
        found = [path for path in found if path.name == name]
    if not found:
        raise DataError(
            f"'{folder}' holds no {name or ITEMS + '*.json'}: neither a compiled store nor "
            "WebShop's files ('leap data webshop FOLDER' fetches them)"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DataError(
            f"'{folder}' holds several catalogues ({names}); compile one of them with "
            "'leap webshop compile --items NAME'"
        )
    items = found[0]
    attributes = folder / items.name.replace(ITEMS, ATTRIBUTES)
    if not attributes.is_file():
        raise DataError(
            f"'{attributes}' is missing: the attributes of the products in {items.name}"
        )
    human = folder / HUMAN
    return Files(items, attributes, human if human.is_file() else None)


def read_list(path: Path) -> Iterator[Any]:
    """The items of a JSON list, one after the other.

    Raises:
        DataError: it cannot be read, holds no list, or ends early.
    """
    return _Reader(path).items()


def read_mapping(path: Path) -> Iterator[tuple[str, Any]]:
    """The keys and values of a JSON object, one after the other; raises as `read_list` does."""
    return _Reader(path).pairs()


class _Reader:
    """Decodes value by value from a window on the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.window = ""
        self.at = 0
        self.count = 0

    def items(self) -> Iterator[Any]:
        for _ in self._within("[", "]", "list"):
            yield self._value()
            self.count += 1

    def pairs(self) -> Iterator[tuple[str, Any]]:
        for _ in self._within("{", "}", "object"):
            key = self._value()
            if self._next(" \t\r\n") != ":" or not isinstance(key, str):
                raise self._bad("is not valid JSON")
            self.at += 1
            self._next(" \t\r\n")
            yield key, self._value()
            self.count += 1

    def _within(self, opening: str, closing: str, what: str) -> Iterator[None]:
        try:
            with self.path.open(encoding="utf-8") as self.file:
                if self._next(" \t\r\n\ufeff") != opening:
                    raise self._bad(f"holds no JSON {what}")
                self.at += 1
                while (sign := self._next(_BETWEEN)) != closing:
                    if not sign:
                        raise self._bad("ends early")
                    yield
        except UnicodeDecodeError:
            raise self._bad("is not UTF-8 text") from None
        except OSError as error:
            raise DataError(f"cannot read '{self.path}': {error.strerror}") from error

    def _next(self, skip: str) -> str:
        """The next sign that is not to be skipped; empty at the end of the file."""
        while True:
            while self.at < len(self.window) and self.window[self.at] in skip:
                self.at += 1
            if self.at < len(self.window):
                return self.window[self.at]
            if not self._more():
                return ""

    def _value(self) -> Any:
        while True:
            try:
                value, end = _DECODER.raw_decode(self.window, self.at)
            except (ValueError, RecursionError):
                # Wrong, or not all there yet.
                if not self._more():
                    raise self._bad("is torn or not valid JSON") from None
            else:
                self.at = end
                return value

    def _more(self) -> bool:
        """Read on; by more each time, so that one long value is not decoded again and again."""
        left = self.window[self.at :]
        chunk = self.file.read(max(_CHUNK, len(left)))
        self.window, self.at = left + chunk, 0
        return bool(chunk)

    def _bad(self, what: str) -> DataError:
        return DataError(f"'{self.path}' {what} (after {self.count:,} entries); fetch it again")
