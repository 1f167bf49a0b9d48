"""The runner of one box: makes it, runs commands in it, and takes it with itself when it ends.

It lives in the box's namespaces but not in its PID namespace, so nothing in the box can see,
signal or trace it. The box's first process is a bash that waits for input which never comes, as
in upstream's container; when it ends, the kernel ends everything in the box.
"""

from __future__ import annotations

import binascii
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import time
from typing import Any

from leap_intercode.sandbox import root, seccomp, snapshot, syscalls, wire
from leap_intercode.sandbox.confine import confine

_NAMESPACES = (
    syscalls.CLONE_NEWUSER
    | syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWCGROUP
)
_TICK = 0.05
_GRACE = 0.05
_HIGHEST_OWN_FILE = 64
_PAGE = os.sysconf("SC_PAGE_SIZE")


def run(connection: socket.socket, spec: dict[str, Any]) -> None:
    """Make the box and serve it until LEAP closes the connection."""
    try:
        box = Box(spec)
    except OSError as error:
        wire.send(connection, {"error": str(error), "errno": error.errno})
        return
    try:
        wire.send(connection, {"ready": True})
        while (request := wire.receive(connection)) is not None:
            wire.send(connection, box.serve(request))
    except OSError:
        pass
    finally:
        box.kill()


class Box:
    """A box that is set up. Raises OSError where the system does not allow one."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.limits: dict[str, Any] = spec["limits"]
        self.environment: dict[str, str] = spec["environment"]
        self.filter = seccomp.program()
        self._enter_namespaces(spec["uid"])
        _set_hostname(spec["hostname"])
        _raise_loopback()
        new_root = root.build(spec)
        self.init, self.stdin = self._start_init(new_root)

    def _enter_namespaces(self, uid: int) -> None:
        if uid:
            # Limits do not bind the real root; nobody else uses this number.
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
        user, group = os.getuid(), os.getgid()
        syscalls.unshare(_NAMESPACES)
        syscalls.die_with_parent(signal.SIGKILL)
        _put("/proc/self/setgroups", "deny")
        _put("/proc/self/uid_map", f"0 {user} 1")
        _put("/proc/self/gid_map", f"0 {group} 1")

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

    def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request."""
        kind = request["do"]
        if kind == "run":
            return self.run(request["argv"], request["workdir"], request["seconds"])
        if kind == "snapshot":
            return snapshot.take("/", self.limits["entries"])
        return {"error": f"unknown request {kind}"}

    # -- commands -------------------------------------------------------------------------------

    def run(self, argv: list[str], workdir: str, seconds: float) -> dict[str, Any]:
        """Run a program in the box.

        Returns {"code", "output" (base64), "timed_out", "cut" (output over the limit), "killed"}
        or {"failed": "chdir" | "exec", "errno"} where it could not be started.
        """
        reader, writer = os.pipe()
        trouble, say_trouble = os.pipe()
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
        failed = os.read(trouble, 64)
        os.close(trouble)
        if failed:
            os.waitpid(child, 0)
            os.close(reader)
            stage, number = failed.decode().split()
            return {"failed": stage, "errno": int(number)}
        try:
            return self._collect(child, reader, time.monotonic() + seconds)
        finally:
            os.close(reader)

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

    def _collect(self, child: int, reader: int, deadline: float) -> dict[str, Any]:
        os.set_blocking(reader, False)
        output = _Output(reader, self.limits["output"])
        next_look = time.monotonic() + 4 * _TICK
        status: int | None = None
        killed = timed_out = False
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        while True:
            now = time.monotonic()
            if now >= deadline:
                timed_out = True
                break
            poll.poll(min(_TICK, deadline - now) * 1000)
            open_still = output.read()
            if not open_still:
                status = _wait(child, deadline)
                timed_out = status is None
                break
            status = _poll(child)
            if status is not None:
                output.drain(_GRACE)
                break
            if now >= next_look:
                next_look = now + 4 * _TICK
                if self._memory() > self.limits["total_memory"]:
                    killed = True
                    self.kill_commands()
        if timed_out:
            self.kill_commands()
            output.drain(0)
            _poll(child) or _wait(child, time.monotonic() + 1)
        code = 124 if status is None else os.waitstatus_to_exitcode(status)
        return {
            "code": code,
            "output": output.text(),
            "timed_out": timed_out,
            "cut": output.cut,
            "killed": killed,
        }

    def _memory(self) -> int:
        """Resident bytes of all processes in the box."""
        total = 0
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    descriptor = os.open(f"/proc/{name}/statm", os.O_RDONLY)
                except OSError:
                    continue
                try:
                    total += int(os.read(descriptor, 256).split()[1]) * _PAGE
                except (OSError, IndexError, ValueError):
                    pass
                finally:
                    os.close(descriptor)
        return total

    def kill_commands(self) -> None:
        """End every process in the box but the first."""
        try:
            killer = os.fork()
        except OSError:
            return
        if killer == 0:
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
            os._exit(0)
        os.waitpid(killer, 0)

    def kill(self) -> None:
        """End the box."""
        try:
            os.kill(self.init, signal.SIGKILL)
            os.waitpid(self.init, 0)
        except OSError:
            pass


class _Output:
    """What a command writes, up to a limit."""

    def __init__(self, reader: int, limit: int) -> None:
        self.reader, self.limit = reader, limit
        self.parts: list[bytes] = []
        self.size = 0
        self.cut = False

    def read(self) -> bool:
        """Read all that is there; False at the end of the output."""
        for _ in range(64):
            try:
                block = os.read(self.reader, 1 << 16)
            except BlockingIOError:
                return True
            if not block:
                return False
            self.cut = self.cut or self.size + len(block) > self.limit
            block = block[: max(0, self.limit - self.size)]
            self.size += len(block)
            if block:
                self.parts.append(block)
        return True

    def drain(self, grace: float) -> None:
        """Read on for `grace` seconds at most, for what a background job still has to say."""
        until = time.monotonic() + grace
        while self.read():
            left = until - time.monotonic()
            if left <= 0:
                return
            select.select([self.reader], [], [], left)

    def text(self) -> str:
        return binascii.b2a_base64(b"".join(self.parts), newline=False).decode()


def _poll(child: int) -> int | None:
    found, status = os.waitpid(child, os.WNOHANG)
    return status if found else None


def _wait(child: int, deadline: float) -> int | None:
    """Wait for a command that closed its output; most end at once."""
    pause = 0.0002
    while (status := _poll(child)) is None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(pause)
        pause = min(2 * pause, _TICK)
    return status


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
