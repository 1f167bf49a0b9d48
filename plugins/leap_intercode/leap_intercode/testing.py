"""For tests of sandboxes: a small tree, marks to find processes by, and being another user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leap_intercode.backends import HOSTNAME
from leap_intercode.sandbox.client import BoxSpec, Limits
from leap_intercode.tree import Entry, Tree, folders_first

ORDINARY = 65431
"""A user who is nobody, for tests as an ordinary user."""

TREE = Tree(
    "test",
    folders_first(
        [
            Entry("/area/a.txt", "file", b"one\ntwo\n", days=3),
            Entry("/area/deep/b.log", "file", b"three\n", days=40),
            Entry("/area/run.sh", "file", b"#!/bin/sh\necho ran\n", 0o755, 3),
        ],
        3,
    ),
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


_OURS = os.environ.setdefault("LEAP_TEST_RUN", str(os.getpid())) + "-"
"""Begins the marks of this test run's boxes: other runs on the machine have their own."""


def spec(
    now: float = 1.7e9, limits: Limits | None = None, rootfs: str = "", **environment: str
) -> BoxSpec:
    names = {"PATH": PATH, "HOME": "/root", **environment}
    if "LEAP_TEST_MARK" in names:
        names["LEAP_TEST_MARK"] = _OURS + names["LEAP_TEST_MARK"]
    return BoxSpec(TREE.planted(now), HOSTNAME, names, limits or Limits(), rootfs)


def usable_python(user: int) -> str | None:
    """An interpreter that `user` may run, and that finds this package's modules."""
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        if python is None:
            continue
        check = "import sys; assert sys.version_info >= (3, 10)"
        try:
            done = subprocess.run([python, "-I", "-S", "-c", check], user=user, cwd="/")
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None


def as_user(user: int, work: Callable[[], Any]) -> Any:
    """Do `work` in a child process that is `user`; return what it returns (JSON-like)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0 and user != 0:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            said = {"value": work()}
        except BaseException:
            said = {"error": traceback.format_exc()}
        with os.fdopen(writer, "w") as file:
            json.dump(said, file)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        said = json.loads(file.read() or '{"error": "the child died"}')
    os.waitpid(child, 0)
    if "error" in said:
        raise AssertionError(said["error"])
    return said["value"]


def marked(mark: str) -> list[int]:
    """Return the processes of the host's view that carry this process's mark."""
    found = []
    wanted = f"LEAP_TEST_MARK={_OURS}{mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def children(parent: int) -> list[str]:
    """Living children of a process, after giving them a moment to end."""
    for _ in range(100):
        try:
            found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except OSError:
            return []
        if not found:
            return []
        time.sleep(0.02)
    return found


def gone(mark: str) -> bool:
    """Whether all of them end within two seconds."""
    for _ in range(100):
        if not marked(mark):
            return True
        time.sleep(0.02)
    return False
