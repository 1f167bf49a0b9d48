"""The same environment in a fresh process: what it lists, how it plays, what it leaves behind."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from leap_core.contracts.environment import Environment
from leap_core.testing.conformance.check import Nonconformity, expect
from leap_core.testing.conformance.play import PlayedEpisode, by_list, play
from leap_core.testing.conformance.resources import PROC, can_count, descendants, footprint
from leap_core.types import Task

_ROUNDS = 2
_PATIENCE = 3.0
"""Seconds that helpers of an environment have to end after it was closed."""
_SILENCE = 300.0


@dataclass
class FreshProcess:
    """What came of it.

    Attributes:
        listing: size and some ids of every split.
        walks: how each task was played.
        footprints: what the process held after each round of playing all tasks; None where the
            system does not say.
        left: what was still there when the process had ended.
    """

    listing: dict[str, tuple[int, list[str]]]
    walks: list[PlayedEpisode]
    footprints: list[dict[str, int]] | None
    children: set[int] = field(default_factory=set)
    left: list[str] = field(default_factory=list)


def play_in_fresh_process(
    environment: Environment, tasks: Sequence[Task], courses: Sequence[Sequence[str]]
) -> FreshProcess:
    """Pickle the environment, unpickle it in a fresh process and play there.

    Raises:
        Nonconformity: it cannot be pickled, unpickled or played there.
    """
    try:
        errand = pickle.dumps((environment, list(tasks), [list(c) for c in courses]))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise Nonconformity("an environment that can be pickled (see __reduce__)", why) from error
    with TemporaryDirectory(prefix="leap-check-") as folder:
        done = _run(errand, Path(folder))
        expect(
            done.returncode == 0,
            "the environment to be unpickled and played in a fresh process",
            done.stderr.decode(errors="replace").strip()[-600:] or f"exit code {done.returncode}",
        )
        found: FreshProcess = pickle.loads(done.stdout)  # noqa: S301 - written by `main` below
        found.left = _left(found.children, Path(folder))
    return found


def _run(errand: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    return subprocess.run(
        [sys.executable, "-c", f"from {__name__} import main; main()"],
        input=errand,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": paths, "TMPDIR": str(folder), "PYTHONHASHSEED": "random"},
        timeout=_SILENCE,
        check=False,
    )


def _left(children: set[int], folder: Path) -> list[str]:
    """Processes and temporary files that outlived their process by more than a moment."""
    until = time.monotonic() + _PATIENCE
    while True:
        left = [f"process {pid}" for pid in sorted(children) if _alive(pid)]
        left += [f"temporary '{path.name}'" for path in sorted(folder.iterdir())]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main() -> None:
    """The fresh process: an errand comes in on standard input, what was found goes out."""
    answer = os.dup(1)
    os.dup2(2, 1)  # what an environment prints must not end up in the answer
    environment, tasks, courses = pickle.load(sys.stdin.buffer)  # noqa: S301 - from `_run` above
    from leap_core.testing.conformance.play import listing

    found = FreshProcess(listing(environment), _play_all(environment, tasks, courses), None)
    if can_count():
        found.footprints = []
        for number in range(_ROUNDS):
            if number:
                _play_all(environment, tasks, courses)
            gc.collect()
            found.footprints.append(_settled(found.footprints))
        found.children = descendants(os.getpid())
    with os.fdopen(answer, "wb") as file:
        pickle.dump(found, file)


def _play_all(
    environment: Environment, tasks: Sequence[Task], courses: Sequence[Sequence[str]]
) -> list[PlayedEpisode]:
    pairs = zip(tasks, courses, strict=True)
    return [play(environment, task, by_list(course)) for task, course in pairs]


def _settled(earlier: Sequence[dict[str, int]]) -> dict[str, int]:
    """The footprint, once helpers that are ending have ended."""
    until = time.monotonic() + _PATIENCE
    while True:
        now = footprint()
        grown = earlier and any(now[what] > earlier[-1][what] for what in now)
        if not grown or time.monotonic() > until:
            return now
        time.sleep(0.05)
