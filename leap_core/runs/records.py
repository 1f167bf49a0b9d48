"""JSON Lines files of typed records: appended whole or not at all, torn last lines repaired."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from leap_core.errors import RunFolderError

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class Records(Generic[T]):
    """One JSON Lines file of records of type `kind` (a dataclass of `leap_core.types`).

    A record is with the operating system when `append` returns, so a killed process loses none. It
    is on the disk, safe from a power cut, if `sync_every` seconds have passed since the last that
    was; 0 puts each there. `read_only` refuses every change.
    """

    def __init__(
        self, path: Path, kind: type[T], sync_every: float = 0.0, read_only: bool = False
    ) -> None:
        self.path = path
        self.kind = kind
        self.read_only = read_only
        self.sync_every = sync_every
        self._synced = 0.0
        self._adapter: TypeAdapter[T] = _adapter(kind)  # type: ignore[arg-type]

    def repair(self) -> None:
        """Cut off a last line that a killed process left unfinished."""
        self._writable()
        if not self.path.exists():
            return
        with self.path.open("r+b") as file:
            data = file.read()
            whole = data.rfind(b"\n") + 1
            if whole != len(data):
                file.truncate(whole)

    def __iter__(self) -> Iterator[T]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield self._parse(line, number)

    def at(self, offset: int) -> T:
        """The record whose line begins at byte `offset`."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return self._parse(file.readline(), 0)

    def offsets(self) -> Iterator[tuple[int, T]]:
        """Every record with the byte at which its line begins."""
        offset = 0
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield offset, self._parse(line, number)
                offset += len(line)

    def size(self) -> int:
        """Bytes written: where the next line will begin."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, record: T) -> None:
        """Add one record, whole or not at all."""
        self._writable()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = self._adapter.dump_json(record) + b"\n"
        with self.path.open("ab") as file:
            file.write(line)
            file.flush()
            if time.monotonic() - self._synced >= self.sync_every:
                os.fsync(file.fileno())
                self._synced = time.monotonic()

    def sync(self) -> None:
        """Put everything on the disk."""
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def replace(self, records: Iterable[T]) -> None:
        """Rewrite the file atomically."""
        self._writable()
        dump = self._adapter.dump_json
        write_aside(self.path, b"".join(dump(r) + b"\n" for r in records))

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Drop the records that are not wanted; the file is untouched if all are."""
        self.repair()
        records = list(self)
        kept = [r for r in records if wanted(r)]
        if len(kept) != len(records):
            self.replace(kept)

    def count(self) -> int:
        """Return how many complete lines the file holds; none of them is parsed."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            return sum(line.endswith(b"\n") for line in file)

    def _writable(self) -> None:
        if self.read_only:
            raise RunFolderError(f"'{self.path}' was opened for reading only")

    def _parse(self, line: bytes, number: int) -> T:
        try:
            return self._adapter.validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            raise RunFolderError(
                f"'{self.path}' line {number} is not a {self.kind.__name__} record: "
                f"{first['msg']} at {'.'.join(map(str, first['loc'])) or 'the line'}"
            ) from None


def write_aside(path: Path, data: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.writing")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_aside(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file of a run folder.

    Raises:
        RunFolderError: unreadable, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RunFolderError(f"cannot read '{path}': {error}") from error
