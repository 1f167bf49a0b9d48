"""Where commands run: one contract, four backends. None of them is the bare machine.

`namespaces` needs nothing but Linux; `rootfs` is the same over a root folder of the user's (the one
to report numbers with); `docker` and `podman` run upstream's kind of container. `auto` takes the
first that passes its self-test, and the name goes with every score.
"""

from __future__ import annotations

import platform
import stat
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from leap_core import EnvironmentFailure
from leap_intercode.sandbox import seccomp
from leap_intercode.sandbox.client import BoxSpec, Limits, Output, open_box
from leap_intercode.tree import Entry, Tree

BackendName = Literal["auto", "namespaces", "rootfs", "docker", "podman"]

HOSTNAME = "5f3c0a9be172"
GOLD_HOSTNAME = "a41d7708c26e"
"""Twelve hex digits, as Docker names its containers: the agent's, and that of the gold command."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROBE = Tree("probe", (Entry("/probe.txt", "file", b"found\n"),))
_TMP = Entry("/tmp", "dir", mode=0o1777)  # noqa: S108 - a path in the box
_USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


class Sandbox(Protocol):
    """A running box."""

    def run(self, argv: Sequence[str], workdir: str, seconds: float) -> Output:
        """Run a program."""

    def snapshot(self) -> list[tuple[str, str, bool, str]]:
        """Its files: (path without leading slash, kind, executable, digest)."""

    def run_and_snapshot(
        self, argv: Sequence[str], workdir: str, seconds: float
    ) -> tuple[Output, list[tuple[str, str, bool, str]]]:
        """Run a program, then list the files."""

    def close(self) -> None:
        """End it and all in it."""


class Backend(ABC):
    """Opens boxes."""

    name: str

    @abstractmethod
    def open(self, tree: Tree, now: float, hostname: str = HOSTNAME) -> Sandbox:
        """Open a fresh box that holds `tree`, with ages counted back from `now` (seconds).

        Raises:
            leap_core.EnvironmentFailure: the system does not allow it.
        """

    @abstractmethod
    def requirement(self) -> str:
        """What must hold for this backend to work, for the user who lacks it."""

    def problem(self) -> str | None:
        """Run the self-test; None if it passes, else what is wrong."""
        box: Sandbox | None = None
        try:
            box = self.open(_PROBE, 0.0)
            shell = ["/bin/bash", "-c", "cat /probe.txt; echo written > /probe2; id -u"]
            said = box.run(shell, "/", 10.0)
            written = {path for path, *_ in box.snapshot()}
        except EnvironmentFailure as error:
            return str(error)
        finally:
            if box is not None:
                box.close()
        if said.data.split() != [b"found", b"0"] or "probe2" not in written:
            return f"a command in the sandbox answered {said.data[:200]!r}"
        return None

    def facts(self) -> dict[str, Any]:
        """Name and versions, recorded with every score."""
        box = self.open(_PROBE, 0.0)
        try:
            shell = [
                "/bin/bash",
                "-c",
                "echo $BASH_VERSION; . /etc/os-release; echo $ID$VERSION_ID",
            ]
            told = box.run(shell, "/", 10.0).data.decode(errors="replace").split("\n")
        finally:
            box.close()
        return {"backend": self.name, "bash": told[0], "system": told[1] if told[1:] else ""}


class NamespacesBackend(Backend):
    """Linux namespaces, over the host's programs or over a root folder."""

    def __init__(self, rootfs: Path | None = None, *, tmp: bool = False) -> None:
        self.rootfs, self.tmp = rootfs, tmp
        self.name = "rootfs" if rootfs else "namespaces"
        self.limits = Limits()

    def open(self, tree: Tree, now: float, hostname: str = HOSTNAME) -> Sandbox:
        """Open a box (some milliseconds)."""
        environment = {
            "PATH": _PATH,
            "HOSTNAME": hostname,
            **dict(tree.environment),
            "HOME": "/root",
        }
        planted = tree.planted(now)
        if self.tmp:
            planted = [[_TMP.path, "dir", _TMP.mode, "", int(now)], *planted]
        rootfs = str(self.rootfs.resolve()) if self.rootfs else ""
        return open_box(BoxSpec(planted, hostname, environment, self.limits, rootfs))

    def requirement(self) -> str:
        """What must hold."""
        if platform.system() != "Linux":
            return "Linux"
        if _APPARMOR.exists() and _APPARMOR.read_text().strip() == "1":
            return (
                "user namespaces, which AppArmor restricts here; an administrator can allow them: "
                "sysctl kernel.apparmor_restrict_unprivileged_userns=0"
            )
        if _USER_NAMESPACES.exists() and _USER_NAMESPACES.read_text().strip() == "0":
            return "user namespaces: sysctl user.max_user_namespaces=10000"
        if Path("/.dockerenv").exists():
            return (
                "user namespaces and mounts; in a container start it with "
                "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
                "--security-opt systempaths=unconfined"
            )
        return "unprivileged user namespaces and mounts in them"

    def problem(self) -> str | None:
        """The self-test, after what can be said at once."""
        if platform.system() != "Linux":
            return f"Linux namespaces do not exist on {platform.system()}"
        if self.rootfs is not None:
            if not (self.rootfs / "bin" / "bash").exists():
                return f"'{self.rootfs}' is no root folder: it has no bin/bash"
            owner = self.rootfs.stat()
            if owner.st_uid == 0 and stat.S_ISDIR(owner.st_mode):
                return (
                    f"'{self.rootfs}' belongs to root, so that its files could not be changed in a "
                    f"sandbox; give it away: chown -R 65433:65433 {self.rootfs}"
                )
        return super().problem()

    def facts(self) -> dict[str, Any]:
        """Also the kernel, and whether system calls are filtered."""
        extra = {"kernel": platform.release(), "seccomp": seccomp.available()}
        return super().facts() | extra
