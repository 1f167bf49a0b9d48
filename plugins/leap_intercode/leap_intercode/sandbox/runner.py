"""The runner of one box: makes it, runs commands in it, and takes it with itself when it ends.

It lives in the box's namespaces but not in its PID namespace, so nothing in the box can see,
signal or trace it. The box's first process is a bash that waits for input which never comes, as
in upstream's container; when it ends, the kernel ends everything in the box.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from leap_intercode.sandbox import memory, root, seccomp, snapshot, syscalls, wire
from leap_intercode.sandbox.command import Hangup, Watch
from leap_intercode.sandbox.confine import confine

_NAMESPACES = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWCGROUP
)
_HIGHEST_OWN_FILE = 64
_START_SECONDS = 5.0
"""In which a program has to be started, or has been stopped by another in the box."""
_SNAPSHOT_SECONDS = 10.0
_EMPTY_SECONDS = 0.25
_TRIES = 8
_MARGIN = 20
"""Seconds that a request may take beyond its limit. Then the kernel ends the runner, whatever it
waits for, and with it the box."""


def run(connection: socket.socket, spec: dict[str, Any], zygote: socket.socket) -> None:
    """Make the box and serve it until LEAP closes the connection."""
    try:
        box = Box(spec, zygote)
    except OSError as error:
        wire.send(connection, {"error": str(error), "errno": error.errno})
        return
    try:
        wire.send(connection, {"ready": True})
        while box.wait_for(connection) and (request := wire.receive(connection)) is not None:
            signal.alarm(int(request.get("seconds", _SNAPSHOT_SECONDS)) + _MARGIN)
            reply = box.serve(request, connection.fileno())
            signal.alarm(0)
            wire.send(connection, reply)
    except (OSError, Hangup):
        pass
    finally:
        signal.alarm(_MARGIN)
        box.kill()


class Box:
    """A box that is set up. Raises OSError where the system does not allow one."""

    def __init__(self, spec: dict[str, Any], zygote: socket.socket) -> None:
        self.limits: dict[str, Any] = spec["limits"]
        self.environment: dict[str, str] = spec["environment"]
        self.niceness: int = spec["niceness"]
        self.filter = seccomp.program()
        self.meter = memory.Meter(self.limits["total_memory"])
        self.emptied = False
        self._enter_namespaces(spec["uid"], zygote)
        _set_hostname(spec["hostname"])
        _raise_loopback()
        new_root = root.build(spec)
        self.init, self.stdin = self._start_init(new_root)

    def _enter_namespaces(self, uid: int, zygote: socket.socket) -> None:
        if uid:
            # Limits do not bind the real root; nobody else uses this number.
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
        user, group = os.getuid(), os.getgid()
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        syscalls.die_with_parent(signal.SIGKILL)
        with zygote:
            zygote.send(b"u")
            given = zygote.recv(1) == b"+"
        if not given:
            _put("/proc/self/setgroups", "deny")
            _put("/proc/self/uid_map", f"0 {user} 1")
            _put("/proc/self/gid_map", f"0 {group} 1")
        syscalls.unshare(_NAMESPACES)

    def _start_init(self, new_root: str) -> tuple[int, int]:
        """Fork the box's first process, which mounts /proc; then enter the new root together."""
        mounted, say_mounted = os.pipe()
        entered, say_entered = os.pipe()
        stdin, keep_open = os.pipe()
        init = os.fork()
        if init == 0:
            try:
                syscalls.die_with_parent(signal.SIGKILL)
                root.mount_proc(new_root)
                os.write(say_mounted, b"+")
                os.read(entered, 1)
                self._become(["/bin/bash"], "/", stdin, os.open("/dev/null", os.O_RDWR))
            except OSError as error:
                os.write(say_mounted, str(error).encode())
            finally:
                os._exit(127)
        for descriptor in (say_mounted, entered, stdin):
            os.close(descriptor)
        said = os.read(mounted, 4096)
        os.close(mounted)
        if said != b"+":
            os.waitpid(init, 0)
            raise OSError(0, f"the first process of the box: {said.decode() or 'died'}")
        syscalls.pivot_root(new_root)
        os.write(say_entered, b"+")
        os.close(say_entered)
        return init, keep_open

    def wait_for(self, connection: socket.socket) -> bool:
        """Wait for a request, with an eye on what goes on in the box; False if the box is gone."""
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        while True:
            wait = None if memory.alone() else max(1.0, self.meter.pause() * 1000)
            if poll.poll(wait):
                return True
            self.look()

    def serve(self, request: dict[str, Any], connection: int) -> dict[str, Any]:
        """Answer one request."""
        kind = request["do"]
        if kind == "run":
            seconds = request["seconds"]
            return self.run(request["argv"], request["workdir"], seconds, connection)
        if kind == "snapshot":
            until = time.monotonic() + _SNAPSHOT_SECONDS
            return snapshot.take("/", self.limits["entries"], lambda: self._check(until))
        return {"error": f"unknown request {kind}"}

    def _check(self, until: float) -> None:
        self.look()
        if time.monotonic() > until:
            raise snapshot.TooLong

    def look(self) -> bool:
        """Look at the memory if it is time to; True if there was too much, and all was ended."""
        if not self.meter.exceeded():
            return False
        self.emptied = True
        self.kill_commands()
        return True

    # -- commands -------------------------------------------------------------------------------

    def run(self, argv: list[str], workdir: str, seconds: float, connection: int) -> dict[str, Any]:
        """Run a program in the box.

        Returns {"code", "output" (base64), "timed_out", "cut" (output over the limit), "killed"}
        or {"failed": "chdir" | "exec", "errno"} where it could not be started.
        """
        reader, writer = os.pipe()
        trouble, say_trouble = os.pipe()
        self.meter.begin()
        try:
            child = os.fork()
        except OSError as error:
            for descriptor in (reader, writer, trouble, say_trouble):
                os.close(descriptor)
            return {"dead": True, "errno": error.errno}
        if child == 0:
            self._child(argv, workdir, writer, say_trouble)
        os.close(writer)
        os.close(say_trouble)
        watch = Watch(child, reader, self.limits["output"], self.look)
        deadline = time.monotonic() + seconds
        try:
            started, _, _ = select.select([trouble], [], [], min(_START_SECONDS, seconds))
            if started and (failed := os.read(trouble, 64)):
                os.waitpid(child, 0)
                stage, number = failed.decode().split()
                return {"failed": stage, "errno": int(number)}
            if started:
                watch.follow(deadline, self.meter.pause, connection)
            else:
                watch.timed_out = True
        finally:
            os.close(trouble)
            if watch.timed_out:
                self.kill_commands()
                watch.reap(1.0)
            os.close(reader)
        reply = watch.reply()
        reply["killed"], self.emptied = reply["killed"] or self.emptied, False
        return reply

    def _child(self, argv: list[str], workdir: str, output: int, say_trouble: int) -> None:
        stage = "chdir"
        try:
            os.setsid()
            os.chdir(workdir)
            stage = "exec"
            self._become(argv, workdir, os.open("/dev/null", os.O_RDONLY), output)
        except OSError as error:
            os.write(say_trouble, f"{stage} {error.errno or 0}".encode())
        except BaseException:
            os.write(say_trouble, f"{stage} 0".encode())
        finally:
            os._exit(127)

    def _become(self, argv: list[str], workdir: str, stdin: int, output: int) -> None:
        """Turn this process into a confined program of the box."""
        program = self._find(argv[0])
        os.chdir(workdir)
        for number, source in ((0, stdin), (1, output), (2, output)):
            os.dup2(source, number)
        for number in range(3, _HIGHEST_OWN_FILE):
            with contextlib.suppress(OSError):
                os.set_inheritable(number, False)  # nothing of the runner's reaches a command
        for name in (signal.SIGPIPE, signal.SIGINT, signal.SIGCHLD, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        os.setpriority(os.PRIO_PROCESS, 0, self.niceness)
        confine(self.limits, self.filter)
        os.execve(program, argv, self.environment)  # noqa: S606

    def _find(self, program: str) -> str:
        if "/" in program:
            return program
        for folder in self.environment.get("PATH", "").split(":"):
            candidate = f"{folder}/{program}"
            if os.access(candidate, os.X_OK):
                return candidate
        raise FileNotFoundError(2, "not found in PATH", program)

    def kill_commands(self) -> None:
        """End every process in the box but the first; the box itself where that cannot be done.

        From outside, nobody can hinder it, but new ones may come as fast as others end. From
        inside, all end at once; but that takes a process there, which can be stopped.
        """
        for _ in range(_TRIES):
            _kill_from_outside()
            self._kill_from_inside()
            if _until(memory.alone, _EMPTY_SECONDS):
                return
        self.kill()

    def _kill_from_inside(self) -> None:
        try:
            killer = os.fork()
        except OSError:
            return
        if killer == 0:
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
            os._exit(0)
        if not _until(lambda: os.waitpid(killer, os.WNOHANG)[0] != 0, _EMPTY_SECONDS):
            os.kill(killer, signal.SIGKILL)
            os.waitpid(killer, 0)

    def kill(self) -> None:
        """End the box: with its first process, the kernel ends all others, stopped or not."""
        with contextlib.suppress(OSError):
            os.kill(self.init, signal.SIGKILL)
            os.waitpid(self.init, 0)


def _kill_from_outside() -> None:
    for name in memory.box_processes():
        if name == "1":
            continue
        try:
            process = os.open(f"/proc/{name}", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        os.close(process)


def _until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait for something; False if it has not come after so many seconds."""
    until, wait = time.monotonic() + seconds, 0.0002
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(wait)
        wait = min(2 * wait, 0.01)
    return True


def _put(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _set_hostname(name: str) -> None:
    socket.sethostname(name)


def _raise_loopback() -> None:
    """Bring up `lo`, the only interface that there is."""
    set_flags, up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))
