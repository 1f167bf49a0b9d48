"""The `docker` and `podman` backends: upstream's way, with an image of our own definition.

Both programs take the same commands, so their command line is the interface. A container's first
process is a bash that reads from a pipe which LEAP holds: when LEAP ends, however it ends, the pipe
does, then that bash, then the container.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import select
import shutil
import subprocess
import tarfile
import time
import uuid
from collections.abc import Sequence
from typing import Any

from leap_core import EnvironmentFailure
from leap_intercode.backends import HOSTNAME, Backend, Sandbox
from leap_intercode.sandbox.client import Limits, Output
from leap_intercode.sandbox.snapshot import IGNORED
from leap_intercode.tree import DAY, Tree

DEFAULT_IMAGE = "leap-intercode:1"
DOCKERFILE = """\
FROM ubuntu:22.04
RUN apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y bash python3 psmisc bsdmainutils cron \\
    imagemagick dnsutils git tree net-tools iputils-ping coreutils curl cpio jq procps \\
 && rm -rf /var/lib/apt/lists/*
WORKDIR /
"""
"""Programs as in upstream's image; the files of a task are put in when a box is opened."""

_START_SECONDS = 60.0
_END_SECONDS = 30.0


class ContainerBackend(Backend):
    """A container for each box."""

    def __init__(self, program: str, image: str = DEFAULT_IMAGE, *, tmp: bool = False) -> None:
        self.name, self.image, self.tmp = program, image, tmp
        self.limits = Limits()

    def requirement(self) -> str:
        """What must hold."""
        return (
            f"a running {self.name} and the image {self.image}: "
            f"'leap intercode image --program {self.name}' builds it"
        )

    def problem(self) -> str | None:
        """The self-test, after looking for the program."""
        if shutil.which(self.name) is None:
            return f"the program '{self.name}' is not installed"
        try:
            self._call("image", "inspect", self.image)
        except EnvironmentFailure as error:
            return str(error)
        return super().problem()

    def open(self, tree: Tree, now: float, hostname: str = HOSTNAME) -> Sandbox:
        """Start a container without network and put the tree in."""
        name = f"leap-intercode-{uuid.uuid4().hex[:12]}"
        limits = self.limits
        environment = dict(tree.environment) | {"HOME": "/root"}
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        command = [
            self.name,
            "run",
            "--interactive",
            "--rm",
            f"--name={name}",
            f"--hostname={hostname}",
            "--network=none",
            "--cap-drop=ALL",
            *(f"--cap-add={cap}" for cap in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL")),
            "--security-opt=no-new-privileges",
            f"--pids-limit={limits.processes}",
            f"--memory={limits.total_memory}",
            f"--ulimit=fsize={limits.file}",
            f"--ulimit=nofile={limits.files}",
            f"--label=leap-intercode={uuid.getnode():x}",
            *variables,
            self.image,
            "/bin/bash",
        ]
        box = ContainerBox(self, name, command)
        try:
            box.wait_until_up()
            box.plant(tree, now)
        except BaseException:
            box.close()
            raise
        return box

    def facts(self) -> dict[str, Any]:
        """Also the versions of the program and of the image."""
        version = self._call("version", "--format", "{{.Client.Version}}").decode().strip()
        image = self._call("image", "inspect", "--format", "{{.Id}}", self.image).decode().strip()
        return super().facts() | {"version": version, "image": image}

    def build(self) -> None:
        """Build the image.

        Raises:
            EnvironmentFailure: it cannot be built.
        """
        self._call("build", "--tag", self.image, "-", data=DOCKERFILE.encode(), seconds=1800.0)

    def _call(self, *arguments: str, data: bytes = b"", seconds: float = _START_SECONDS) -> bytes:
        code, output = call(self.name, arguments, data, seconds)
        if code != 0:
            said = output.decode(errors="replace").strip().splitlines()
            raise EnvironmentFailure(
                f"'{self.name} {arguments[0]}' failed: {said[-1] if said else f'status {code}'}"
            )
        return output


class ContainerBox:
    """A running container."""

    def __init__(self, backend: ContainerBackend, name: str, command: Sequence[str]) -> None:
        self.backend, self.name = backend, name
        try:
            self._client = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is LEAP's to answer
            )
        except OSError as error:
            raise EnvironmentFailure(
                f"'{backend.name}' cannot be started: {error.strerror}"
            ) from error

    def wait_until_up(self) -> None:
        """Wait for the container's first process to answer.

        Raises:
            EnvironmentFailure: it does not; the message is the program's last line.
        """
        stdin, stdout = self._client.stdin, self._client.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):
            os.write(stdin.fileno(), f"echo {self.name}\n".encode())
        said, until = b"", time.monotonic() + _START_SECONDS
        while f"{self.name}\n".encode() not in said:
            ready, _, _ = select.select([stdout], [], [], max(0.0, until - time.monotonic()))
            block = os.read(stdout.fileno(), 1 << 16) if ready else b""
            if not block:
                last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no answer"]
                raise EnvironmentFailure(f"'{self.backend.name} run' failed: {last[0]}")
            said += block

    def plant(self, tree: Tree, now: float) -> None:
        """Write a tree; remove the empty folders that upstream's reset removes."""
        kept = "" if self.backend.tmp else "rmdir /tmp /mnt 2>/dev/null; "
        unpack = ["exec", "--interactive", self.name, "/bin/bash", "-c"]
        code, said = call(
            self.backend.name, [*unpack, f"{kept}tar -xpf - -C /"], archive(tree, now), 60.0
        )
        if code != 0:
            raise EnvironmentFailure(f"the files of the task could not be written: {said[:200]!r}")

    def run(self, argv: Sequence[str], workdir: str, seconds: float) -> Output:
        """Run a program; at the time limit the container's processes are ended."""
        command = ["exec", "--workdir", workdir, self.name, *argv]
        try:
            code, data = _execute(self.backend.name, command, b"", seconds)
        except subprocess.TimeoutExpired as late:
            end_all = ["exec", self.name, "/bin/bash", "-c", "kill -9 -1"]
            call(self.backend.name, end_all, b"", _END_SECONDS)
            return Output(124, late.stdout or b"", timed_out=True)
        self._look_alive(code)
        most = self.backend.limits.output
        return Output(code, data[:most], cut=len(data) > most)

    def snapshot(self) -> list[tuple[str, str, bool, str]]:
        """Look at the container's files, by a program in it."""
        listing = ["exec", self.name, "/usr/bin/python3", "-c", _LIST]
        code, data = call(self.backend.name, listing, b"", 60.0)
        self._look_alive(code)
        if code != 0:
            raise EnvironmentFailure(f"the container's files cannot be listed: {data[-200:]!r}")
        entries = []
        for line in data.decode().splitlines():
            path, kind, executable, digest = (
                base64.b64decode(word).decode("utf-8", "surrogateescape")
                for word in line.split(",")
            )
            entries.append((path, kind, executable == "1", digest))
        return entries

    def run_and_snapshot(
        self, argv: Sequence[str], workdir: str, seconds: float
    ) -> tuple[Output, list[tuple[str, str, bool, str]]]:
        """Run a program, then look at the files."""
        return self.run(argv, workdir, seconds), self.snapshot()

    def _look_alive(self, code: int) -> None:
        """What the program says of a container that is gone is no command's output."""
        if code != 0 and self._client.poll() is not None:
            raise EnvironmentFailure("the container has ended")

    def close(self) -> None:
        """Remove the container."""
        if self._client.stdin is None or self._client.stdin.closed:
            return
        try:
            call(self.backend.name, ["rm", "--force", self.name], b"", _END_SECONDS)
        finally:
            self._client.kill()
            with contextlib.suppress(BrokenPipeError):
                self._client.communicate()


def call(program: str, arguments: Sequence[str], data: bytes, seconds: float) -> tuple[int, bytes]:
    """Run the container program; its output and errors together.

    Raises:
        EnvironmentFailure: it cannot be started, or does not answer in time.
    """
    try:
        return _execute(program, arguments, data, seconds)
    except subprocess.TimeoutExpired as late:
        raise EnvironmentFailure(
            f"'{program} {arguments[0]}' did not answer in {seconds:g} s"
        ) from late


def _execute(
    program: str, arguments: Sequence[str], data: bytes, seconds: float
) -> tuple[int, bytes]:
    try:
        done = subprocess.run(
            [program, *arguments],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        raise EnvironmentFailure(f"'{program}' cannot be started: {error.strerror}") from error
    return done.returncode, done.stdout


def archive(tree: Tree, now: float) -> bytes:
    """The tree as a tar file."""
    buffer = io.BytesIO()
    kinds = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for entry in tree.entries:
            item = tarfile.TarInfo(entry.path.lstrip("/"))
            item.type, item.mode = kinds[entry.kind], entry.mode
            item.mtime = int(now - entry.days * DAY)
            if entry.kind == "link":
                item.linkname = entry.content.decode()
                tar.addfile(item)
            else:
                item.size = len(entry.content) if entry.kind == "file" else 0
                tar.addfile(item, io.BytesIO(entry.content) if entry.kind == "file" else None)
    return buffer.getvalue()


_LIST = f"""
import base64, hashlib, os, stat
ignored = {sorted(IGNORED)!r}
def show(*words):
    print(",".join(base64.b64encode(os.fsencode(word)).decode() for word in words))
def walk(folder):
    for item in sorted(os.scandir("/" + folder), key=lambda e: e.name):
        if item.name in ignored:
            continue
        path = folder + "/" + item.name if folder else item.name
        status = item.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            show(path, "link", "0", os.readlink("/" + path))
        elif stat.S_ISDIR(status.st_mode):
            show(path, "dir", "0", "")
            walk(path)
        elif stat.S_ISREG(status.st_mode):
            digest = hashlib.md5(open("/" + path, "rb").read()).hexdigest()
            show(path, "file", "1" if status.st_mode & 0o100 else "0", digest)
        else:
            show(path, "other", "0", "")
walk("")
"""
