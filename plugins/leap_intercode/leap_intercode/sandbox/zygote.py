"""The zygote: a small process that forks a runner for each box.

LEAP itself is large and has threads; it must not fork. It starts `python -I -S -c …` once and sends
it, for each box, a description and the runner's end of a socket. The zygote ends when LEAP does.
"""

from __future__ import annotations

import array
import codecs
import contextlib
import json
import os
import resource
import signal
import socket
import struct
from typing import Any

from leap_intercode.sandbox import cgroup, runner, seccomp, syscalls, users, wire
from leap_intercode.sandbox.layers import Layers

_SIZE = struct.Struct("=I")
_AHEAD = 10
"""By how much a runner's niceness is below its commands'."""


def main(descriptor: int) -> None:
    """Serve the socket whose number is given until LEAP closes it."""
    for name in ("latin-1", "utf-8", "idna"):
        codecs.lookup(name)  # imports it now: the host's files are gone in a box
    syscalls.prepare()
    seccomp.program()  # every box has the same
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is LEAP's to answer
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # runners leave no zombies
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, 65536), files))
    os.set_inheritable(descriptor, False)
    layers, groups = Layers(), cgroup.Groups(cgroup.delegated())
    try:
        with socket.socket(fileno=descriptor) as leap:
            while (request := _next(leap)) is not None:
                connection, body = request
                spec = json.loads(body)
                spec["group"] = groups.make(spec["limits"])
                _start(leap, connection, spec, layers)
                connection.close()
    finally:
        layers.remove()
        groups.remove()


def _start(
    leap: socket.socket, connection: socket.socket, spec: dict[str, Any], layers: Layers
) -> None:
    try:
        if spec["rootfs"]:
            spec["layer"] = layers.path(spec["tree"], spec["uid"])
    except OSError as error:
        wire.send(connection, {"error": f"the task's files cannot be written: {error}"})
        return
    here, there = socket.socketpair()
    with here, there:
        child = os.fork()
        if child == 0:
            leap.close()
            here.close()
            _be_runner(connection, spec, there)
        there.close()
        if here.recv(1):  # it is in a user namespace of its own
            here.send(users.give(child, spec["uid"]).encode())


def _be_runner(connection: socket.socket, spec: dict[str, Any], zygote: socket.socket) -> None:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        syscalls.die_with_parent(signal.SIGKILL)
        os.setsid()
        _prefer_as_victim()
        spec["niceness"] = _watch_closely()
        cgroup.enter(spec["group"])
        runner.run(connection, spec, zygote)
    finally:
        os._exit(0)  # nothing may escape into the zygote's loop


def _prefer_as_victim() -> None:
    """Let a box go first where the machine runs out of memory; it cannot change that itself."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _watch_closely() -> int:
    """Go before a box's processes, where that is allowed; return the niceness that is theirs."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness - _AHEAD)
    return niceness


def _next(leap: socket.socket) -> tuple[socket.socket, bytes] | None:
    """Receive (the runner's socket, the description of a box); None at the end."""
    passed = array.array("i")
    header, ancillary, _, _ = leap.recvmsg(_SIZE.size, socket.CMSG_SPACE(passed.itemsize))
    if len(header) < _SIZE.size:
        return None
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            passed.frombytes(data[: len(data) - len(data) % passed.itemsize])
    size = _SIZE.unpack(header)[0]
    body = bytearray()
    while len(body) < size:
        part = leap.recv(size - len(body))
        if not part:
            return None
        body += part
    os.set_inheritable(passed[0], False)
    return socket.socket(fileno=passed[0]), bytes(body)
