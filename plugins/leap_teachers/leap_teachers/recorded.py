"""The `recorded` privileged source: states written to a file beforehand, one a task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from leap_core import DataError, Fact, PrivilegedSource, PrivilegedState, Section, Trajectory


class RecordedOptions(Section):
    """Options: `path` is a JSON Lines file as `leap describe` writes it."""

    path: Path


class RecordedSource(PrivilegedSource):
    """Looks a trajectory's task up in a file of {"task_id", "text", "secrets", "facts"} records."""

    Options = RecordedOptions

    def states(self, trajectory: Trajectory) -> Sequence[PrivilegedState]:
        """The recorded state of the task, the same for every step.

        Raises:
            DataError: the file has none for this task, or cannot be read.
        """
        state = self._recorded.get(trajectory.task.id)
        if state is None:
            raise DataError(f"'{self.options.path}' has no state for task '{trajectory.task.id}'")
        return [state] * len(trajectory.steps)

    @cached_property
    def _recorded(self) -> dict[str, PrivilegedState]:
        path, found = self.options.path, {}
        try:
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                found[str(record["task_id"])] = PrivilegedState(
                    text=str(record["text"]),
                    secrets=tuple(map(_secret, record["secrets"])),
                    facts=dict(record.get("facts", {})),
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"'{path}' holds no recorded states ({error!r})") from None
        return found


def _secret(recorded: Any) -> str | Fact:
    if not isinstance(recorded, dict):
        return str(recorded)
    names = {key: tuple(recorded.get(key, ())) for key in ("value", "subject", "hint")}
    return Fact(kind=recorded["kind"], **names)
