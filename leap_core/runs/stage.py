"""One stage of an iteration: done when its marker says from which inputs it was made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leap_core.errors import RunFolderError
from leap_core.runs.records import read_json, write_json


class Stage:
    """One stage of one iteration: done when its marker holds the hash of its inputs."""

    def __init__(self, folder: Path, name: str, inputs: str, log: Callable[..., None]) -> None:
        self.folder = folder
        self.name = name
        self.inputs = inputs
        self.log = log
        self.marker = folder / f".{name}.done"

    @property
    def done(self) -> bool:
        """Whether the stage is finished.

        Raises:
            RunFolderError: it was made from other inputs than it would be now.
        """
        if not self.marker.exists():
            return False
        if read_json(self.marker).get("inputs") == self.inputs:
            return True
        raise RunFolderError(
            f"stage '{self.name}' in '{self.folder}' was made from other inputs than it would be "
            "now (an earlier stage or a plugin has changed); start a new run with --name"
        )

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run the stage; it is marked done only if nothing is raised."""
        resumed = self.folder.exists() and any(self.folder.glob(f"{self.name}*"))
        self.folder.mkdir(parents=True, exist_ok=True)
        place: dict[str, Any] = {"iteration": int(self.folder.name), "stage": self.name}
        self.log("stage resumed" if resumed else "stage started", **place)
        began = time.monotonic()
        yield
        write_json(self.marker, {"inputs": self.inputs})
        self.log("stage finished", **place, seconds=round(time.monotonic() - began, 3))
