"""LEAP's side of the sandbox: start the zygote when needed, open boxes, talk to them."""

from __future__ import annotations

import array
import binascii
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leap_core import EnvironmentFailure
from leap_intercode.sandbox import wire

_PACKAGES = Path(__file__).resolve().parents[2]
BOX_USER = 65433
"""The user that boxes run as where LEAP runs as root."""
_REPLY_MARGIN = 30.0


class SandboxError(EnvironmentFailure):
    """The system does not allow a box, or a box is gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one box may use. Sizes are in bytes.

    Attributes:
        processes: processes and threads at a time.
        memory: address space of each process.
        total_memory: resident memory of all processes together.
        cpu: CPU seconds of each process.
        file: size of a file.
        files: open files of a process.
        output: output of a command; what is more is dropped.
        disk: all files written.
        entries: number of files written.
    """

    processes: int = 128
    memory: int = 1 << 30
    total_memory: int = 1536 << 20
    cpu: int = 12
    file: int = 64 << 20
    files: int = 1024
    output: int = 1 << 20
    disk: int = 256 << 20
    entries: int = 20_000


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """What a box is made of: a tree of files (see `leap_intercode.trees`), names, limits.

    `rootfs` is a root folder to use instead of the host's programs.
    """

    tree: Sequence[Sequence[Any]]
    hostname: str = "0123456789ab"
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    rootfs: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command did.

    Attributes:
        code: exit status (negative: the signal that ended it).
        data: what it wrote to standard output and standard error, in order.
        timed_out: it was ended at the time limit, with all that it had started.
        cut: it wrote more than the limit.
        killed: it used more memory than the limit.
        failed: "" or why it could not be started: "chdir" or "exec".
        errno: the system's error number where it could not be started.
    """

    code: int
    data: bytes = b""
    timed_out: bool = False
    cut: bool = False
    killed: bool = False
    failed: str = ""
    errno: int = 0


class Box:
    """A sandbox in which commands run. Closed, it leaves nothing."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def run(self, argv: Sequence[str], workdir: str, seconds: float) -> Output:
        """Run a program.

        Raises:
            SandboxError: the box is gone.
        """
        self._send(_run_request(argv, workdir, seconds))
        return _output(self._receive(seconds))

    def snapshot(self) -> list[tuple[str, str, bool, str]]:
        """All files that upstream's `git status` would look at: (path, kind, executable, digest).

        Raises:
            SandboxError: the box is gone, or holds more than can be looked at.
        """
        self._send({"do": "snapshot"})
        return _entries(self._receive(60.0))

    def run_and_snapshot(
        self, argv: Sequence[str], workdir: str, seconds: float
    ) -> tuple[Output, list[tuple[str, str, bool, str]]]:
        """Run a program, then list the files, without a pause between them.

        Raises:
            SandboxError: the box is gone, or holds more than can be looked at.
        """
        self._send(_run_request(argv, workdir, seconds))
        self._send({"do": "snapshot"})
        return _output(self._receive(seconds)), _entries(self._receive(60.0))

    def _send(self, request: dict[str, Any]) -> None:
        try:
            self._connection.settimeout(_REPLY_MARGIN)
            wire.send(self._connection, request)
        except OSError as error:
            raise SandboxError(f"the sandbox does not answer ({error})") from error

    def _receive(self, seconds: float) -> dict[str, Any]:
        try:
            self._connection.settimeout(seconds + _REPLY_MARGIN)
            reply = wire.receive(self._connection)
        except OSError as error:
            raise SandboxError(f"the sandbox does not answer ({error})") from error
        if reply is None:
            raise SandboxError("the sandbox has ended")
        if "error" in reply:
            raise SandboxError(f"the sandbox failed: {reply['error']}")
        return reply

    def close(self) -> None:
        """End the box and all in it."""
        self._connection.close()


def _run_request(argv: Sequence[str], workdir: str, seconds: float) -> dict[str, Any]:
    return {"do": "run", "argv": list(argv), "workdir": workdir, "seconds": seconds}


def _output(reply: dict[str, Any]) -> Output:
    if reply.get("dead"):
        raise SandboxError("the sandbox has ended: its first process is gone")
    if reply.get("failed"):
        return Output(126, failed=reply["failed"], errno=reply["errno"])
    data = binascii.a2b_base64(reply["output"])
    return Output(reply["code"], data, reply["timed_out"], reply["cut"], reply["killed"])


def _entries(reply: dict[str, Any]) -> list[tuple[str, str, bool, str]]:
    if not reply.get("complete"):
        raise SandboxError("the sandbox holds too many files to compare")
    return [(path, kind, bool(run), digest) for path, kind, run, digest in reply["entries"]]


class Zygote:
    """The process that forks runners; one per process of LEAP."""

    def __init__(self, python: str = sys.executable) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        code = (
            f"import sys; sys.path.insert(0, {str(_PACKAGES)!r}); "
            f"from leap_intercode.sandbox.zygote import main; main({theirs.fileno()})"
        )
        with theirs:
            self.process = subprocess.Popen(
                [python, "-I", "-S", "-c", code],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )

    def alive(self) -> bool:
        """Whether it is this process's, and runs."""
        return self.owner == os.getpid() and self.process.poll() is None

    def open(self, spec: BoxSpec) -> Box:
        """Make a box.

        Raises:
            SandboxError: the system does not allow it; the message is the system's.
        """
        ours, theirs = socket.socketpair()
        body = json.dumps(asdict(spec) | {"uid": _user_of(spec)}).encode()
        header = struct.pack("=I", len(body))
        passed = array.array("i", [theirs.fileno()])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)]
        try:
            with theirs, self._lock:
                self._socket.sendmsg([header], rights)
                self._socket.sendall(body)
            ours.settimeout(_REPLY_MARGIN)
            reply = wire.receive(ours)
        except OSError as error:
            ours.close()
            raise SandboxError(f"no sandbox could be started ({error})") from error
        if reply is None or "error" in reply:
            ours.close()
            why = reply["error"] if reply else "its process died"
            raise SandboxError(f"no sandbox could be started: {why}")
        return Box(ours)

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self.process.wait()


def _user_of(spec: BoxSpec) -> int:
    """The user to become before making namespaces; 0 to stay who we are."""
    if os.geteuid() != 0:
        return 0
    owner = Path(spec.rootfs).stat().st_uid if spec.rootfs else 0
    return owner or BOX_USER


_zygote: Zygote | None = None
_starting = threading.Lock()


def open_box(spec: BoxSpec) -> Box:
    """Make a box, starting this process's zygote if there is none.

    Raises:
        SandboxError: the system does not allow it.
    """
    global _zygote
    with _starting:
        if _zygote is None or not _zygote.alive():
            _zygote = Zygote()
        zygote = _zygote
    return zygote.open(spec)
