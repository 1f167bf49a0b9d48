"""Progress on screen: a bar on a terminal, a line now and then elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_SECONDS_BETWEEN_LINES = 15.0
_SECONDS_BETWEEN_REWRITES = 0.2


class Bar:
    """Progress of one stage."""

    def __init__(self, title: str, total: int | None) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self.note = ""

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Count `count` more as done; `note` is shown beside."""
        self.update(self.done + count, note=note)

    def update(self, done: int, total: int | None = None, note: str | None = None) -> None:
        self.done = done
        self.total = total or self.total
        self.note = self.note if note is None else note
        self.show()

    def show(self) -> None:
        """Draw."""

    def text(self) -> str:
        of = f"/{self.total}" if self.total else ""
        return f"  {self.title}: {self.done}{of} {self.note}".rstrip()


class Screen:
    """Where a run tells what it does. `quiet` shows nothing but results."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(file=sys.stderr, highlight=False)

    def say(self, text: str) -> None:
        if not self.quiet:
            self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def bar(self, title: str, total: int | None = None) -> Iterator[Bar]:
        """A progress bar for the time of a `with` block."""
        if self.quiet:
            yield Bar(title, total)
        elif self.console.is_jupyter:
            bar = _NotebookBar(title, total)
            yield bar
            bar.finish()
        elif self.console.is_terminal:
            with _terminal(self.console) as progress:
                yield _TerminalBar(title, total, progress)
        else:
            line = _LineBar(title, total, self)
            yield line
            line.finish()


def _terminal(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        console=console,
    )


class _TerminalBar(Bar):
    def __init__(self, title: str, total: int | None, progress: Progress) -> None:
        super().__init__(title, total)
        self.progress = progress
        self.task = progress.add_task(title, total=total, note="")

    def show(self) -> None:
        self.progress.update(self.task, completed=self.done, total=self.total, note=self.note)


class _NotebookBar(Bar):
    """One line below the cell, rewritten in place."""

    def __init__(self, title: str, total: int | None) -> None:
        super().__init__(title, total)
        from IPython.display import display

        self.began = self.last = time.monotonic()
        self.handle = display(self._bundle(), raw=True, display_id=True)

    def show(self) -> None:
        now = time.monotonic()
        if now - self.last >= _SECONDS_BETWEEN_REWRITES:
            self.last = now
            self.handle.update(self._bundle(), raw=True)

    def finish(self) -> None:
        seconds = time.monotonic() - self.began
        self.handle.update({"text/plain": f"{self.text()} ({seconds:.1f} s)"}, raw=True)

    def _bundle(self) -> dict[str, str]:
        return {"text/plain": self.text()}


class _LineBar(Bar):
    def __init__(self, title: str, total: int | None, screen: Screen) -> None:
        super().__init__(title, total)
        self.screen = screen
        self.began = self.last = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self.last >= _SECONDS_BETWEEN_LINES:
            self.last = now
            self.screen.say(self.text())

    def finish(self) -> None:
        self.screen.say(f"{self.text()} ({time.monotonic() - self.began:.1f} s)")
