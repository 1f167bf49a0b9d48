"""Read back the rows that `leap export --examples` writes, for the leak audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leap_core.correction.audit import Audited
from leap_core.errors import DataError
from leap_core.policy.reply import parse_reply


@dataclass(frozen=True)
class ExportedRow:
    """One row: where it was cut from, and its reason and action, not scored yet."""

    iteration: int
    source: str
    audited: Audited


def read_rows(path: Path) -> Iterator[ExportedRow]:
    """Yield the rows of an export that are to be learned; undesirable replies are passed over.

    Raises:
        DataError: the file, or one of its lines, was not written by `leap export --examples`.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                row = _row(line, f"'{path}', line {number}") if line.strip() else None
                if row is not None:
                    yield row
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' cannot be read: {error}") from None


def _row(line: str, where: str) -> ExportedRow | None:
    try:
        row: dict[str, Any] = json.loads(line)
        said = row["chosen"] if "chosen" in row else row["completion"]
        reply = parse_reply(said[0]["content"])
        if not row.get("label", True):
            return None
        at = (str(row["task_id"]), int(row["seed"]), int(row["step"]))
        told = Audited(*at, 0, reply.reason, reply.action, None, source="export")
        return ExportedRow(int(row["iteration"]), str(row["source"]), told)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{where} is no row of `leap export --examples` ({type(error).__name__}: {error})"
        ) from None
