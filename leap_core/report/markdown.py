"""A report as markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from leap_core.report.collect import RunReport
from leap_core.report.tables import Table, all_tables, headline


def as_markdown(report: RunReport) -> str:
    """Write the report. Text that came from models or data cannot break out of its cell."""
    parts = [f"# Run {_cell(report.name)}", "\n".join(f"- {_cell(f)}" for f in headline(report))]
    parts += ["\n".join(_table(table)) for table in all_tables(report)]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    yield ""
    for note in table.notes:
        yield f"{_cell(note)}  "
    if table.notes:
        yield ""
    yield _row(table.columns)
    yield "|---|" + "---:|" * (len(table.columns) - 1)
    for number, row in enumerate(table.rows):
        marked = number in table.marked
        yield _row([f"{row[0]} (best)", *row[1:]] if marked else row)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    one_line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", one_line)
