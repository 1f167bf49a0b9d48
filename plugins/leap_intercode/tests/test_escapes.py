"""Attempts to break out of the sandbox, or to wear the machine down: all are contained.

Each attempt prints ESCAPED if it works. The test plants a secret, a listener, a process and a
folder on the host; after every attempt all of them are as before, and the next episode is clean.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from leap_intercode.sandbox.client import BOX_USER, Box, Limits, Output, Zygote
from leap_intercode.testing import ORDINARY, as_user, gone, spec, usable_python
from tests.support.escape_attempts import ATTEMPTS, Attempt

SECRET = "e5c4f9-planted-secret"
SPARE = 3.0
"""Seconds after its time limit in which an attempt is over."""
CLEAN = ["area", "area/a.txt", "area/deep", "area/run.sh", "area/deep/b.log"]
"""The files of a fresh box."""
TOGETHER = 8
TRIES = 4
"""A machine may be too busy to end one in time; a sandbox that cannot is late every time."""
SMALL = Limits(total_memory=300 << 20, memory=256 << 20, disk=32 << 20, entries=2000, file=8 << 20)


@dataclass
class Host:
    """What is planted on the host."""

    folder: Path
    port: int
    abstract: str
    victim: subprocess.Popen[bytes]

    def environment(self) -> dict[str, str]:
        return {
            "HOST": str(self.folder),
            "PORT": str(self.port),
            "ABSTRACT": self.abstract,
            "VICTIM": str(self.victim.pid),
            "LEAP_TEST_MARK": "escape",
        }


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    folder = Path(tempfile.mkdtemp(prefix="host-of-the-test-"))
    folder.chmod(0o777)
    (folder / "secret").write_text(SECRET)
    (folder / "file").write_text("untouched")
    (folder / "file").chmod(0o666)
    listener = socket.create_server(("127.0.0.1", 0))
    abstract = f"abstract-of-the-test-{os.getpid()}"
    plain = socket.socket(socket.AF_UNIX)
    plain.bind(f"\0{abstract}")
    plain.listen()
    who = {"user": BOX_USER} if os.geteuid() == 0 else {}
    victim = subprocess.Popen(
        ["bash", "-c", "sleep 600; : victim-of-the-test"],
        env={"LEAP_SECRET": SECRET, "PATH": os.environ["PATH"]},
        cwd="/",
        **who,
    )
    yield Host(folder, listener.getsockname()[1], abstract, victim)
    victim.kill()
    victim.wait()
    listener.close()
    plain.close()
    shutil.rmtree(folder)


def attack(
    zygote: Zygote, attempt: Attempt, environment: dict[str, str], rootfs: str = ""
) -> dict[str, object]:
    """Make an attempt in a box of its own, look at the box, and open a clean one."""
    box, done, late = start(zygote, attempt, environment, rootfs)
    looked = look(box)
    box.close()
    for _ in range(TRIES - 1):
        if late > SPARE:
            again, _, took = start(zygote, attempt, environment, rootfs)
            again.close()
            late = min(late, took)
    fresh = zygote.open(spec(rootfs=rootfs, **environment))
    listing = fresh.run(["/bin/bash", "-c", "find / -xdev -newer /etc/hosts -type f"], "/", 5.0)
    files = [path for path, *_ in fresh.snapshot()]
    fresh.close()
    return {
        "said": done.data[:5000].decode(errors="replace"),
        "bytes": len(done.data),
        "timed out": done.timed_out,
        "late": late,
        "looked": looked,
        "files": files,
        "listing": listing.data.decode(errors="replace"),
    }


def start(
    zygote: Zygote, attempt: Attempt, environment: dict[str, str], rootfs: str
) -> tuple[Box, Output, float]:
    """Make an attempt; also by how many seconds it passed its time limit."""
    box = zygote.open(spec(limits=SMALL, rootfs=rootfs, **environment))
    began = time.monotonic()
    done = box.run(["/bin/bash", "-c", attempt.command], "/", attempt.seconds)
    return box, done, time.monotonic() - began - attempt.seconds


def look(box: Box) -> str:
    """The evaluation must get along with whatever is left of the box."""
    try:
        return f"{len(box.snapshot())} entries"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.fixture(scope="module")
def results(backend, host) -> dict[str, dict[str, dict[str, object]]]:
    """What every attempt did: as the user that runs the tests and, if that is root, as another."""
    os.environ["LEAP_SECRET"] = SECRET
    environment = host.environment()

    def attack_all(python: str | None = None) -> dict[str, dict[str, object]]:
        zygote = Zygote(python) if python else Zygote()
        try:
            with ThreadPoolExecutor(TOGETHER) as pool:
                done = pool.map(lambda a: attack(zygote, a, environment), ATTEMPTS)
                return {a.name: found for a, found in zip(ATTEMPTS, done, strict=True)}
        finally:
            zygote.close()

    found = {"as found": attack_all()}
    python = usable_python(ORDINARY) if os.geteuid() == 0 else None
    if python is not None:
        found["ordinary"] = as_user(ORDINARY, lambda: attack_all(python))
    del os.environ["LEAP_SECRET"]
    return found


needs_x86 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the attempts use x86-64 system call numbers"
)


@needs_x86
@pytest.mark.parametrize("who", ["as found", "ordinary"])
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda a: a.name)
def test_an_attempt_is_contained(results, attempt, who):
    if who not in results:
        pytest.skip("no interpreter here that an ordinary user may run, or already ordinary")
    found = results[who][attempt.name]
    assert "ESCAPED" not in found["said"], found["said"]
    assert SECRET not in found["said"]
    assert "victim-of-the-test" not in found["said"]
    assert found["bytes"] <= SMALL.output
    assert found["late"] <= SPARE
    assert found["files"] == CLEAN


@needs_x86
@pytest.mark.parametrize("name", ["endless output", "endless silence", "ignored signals"])
def test_what_never_ends_is_ended_at_its_time_limit(results, name):
    assert all(found[name]["timed out"] for found in results.values())


@needs_x86
def test_the_host_is_as_before(results, host):
    assert (host.folder / "file").read_text() == "untouched"
    assert (host.folder / "secret").read_text() == SECRET
    assert sorted(p.name for p in host.folder.iterdir()) == ["file", "secret"]
    assert host.victim.poll() is None
    assert not Path("/usr/bin/pwned").exists()
    assert gone("escape")


IN_THE_COPY = ("write to programs", "read passwords", "read local programs")
"""What a root folder allows: they reach its own files, as the box alone sees them."""


@needs_x86
@pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="takes a minute: LEAP_FULL=1")
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_over_a_root_folder_all_is_contained_as_well(rootfs, host, zygote):
    folder = str(rootfs.rootfs.resolve())
    environment = host.environment()
    before = inventory(folder)
    with ThreadPoolExecutor(TOGETHER) as pool:
        found = list(pool.map(lambda a: attack(zygote, a, environment, folder), ATTEMPTS))
    for attempt, told in zip(ATTEMPTS, found, strict=True):
        assert attempt.name in IN_THE_COPY or "ESCAPED" not in str(told["said"]), attempt.name
        assert SECRET not in str(told["said"]), attempt.name
        assert told["late"] <= SPARE, attempt.name
        assert told["files"] == CLEAN, attempt.name
    assert (host.folder / "file").read_text() == "untouched"
    assert host.victim.poll() is None
    assert inventory(folder) == before
    assert gone("escape")


def inventory(folder: str) -> list[tuple[object, ...]]:
    """All that lies in a folder: path, mode, owner, size, time of change."""
    return sorted(
        (path, (told := os.lstat(path)).st_mode, told.st_uid, told.st_size, told.st_mtime_ns)
        for place, folders, files in os.walk(folder)
        for path in (f"{place}/{name}" for name in (*folders, *files))
    )


def test_there_are_enough_attempts():
    assert len({a.name for a in ATTEMPTS}) == len(ATTEMPTS) >= 60
