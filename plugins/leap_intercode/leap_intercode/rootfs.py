"""Making a root folder like upstream's image, by debootstrap."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from leap_core import ConfigError, DataError
from leap_intercode.sandbox.client import BOX_USER
from leap_intercode.sandbox.root import NETWORKS

SUITE = "bullseye"
"""Debian 11: its bash is the version of upstream's recordings (5.1), Debian 12's is not."""
PACKAGES = (
    "bash python3 psmisc bsdmainutils cron imagemagick dnsutils git tree net-tools iputils-ping "
    "coreutils curl cpio jq procps netbase fontconfig"
).split()
"""What upstream's image installs, with all that they recommend, and what comes along there."""

_DROPPED = ("usr/share/man", "usr/share/doc")
_KEPT = ("usr/share/doc/*/copyright", "usr/share/doc/*/changelog.Debian.*")
_TRANSLATIONS = "usr/share/locale/*/LC_MESSAGES/*.mo"
_EXCLUDES = "".join(
    f"path-exclude=/{pattern}\n" for pattern in (*(f"{d}/*" for d in _DROPPED), _TRANSLATIONS)
) + "".join(f"path-include=/{pattern}\n" for pattern in _KEPT)
"""What the official images of Debian and Ubuntu leave out; searches of the whole root see it."""


def system_mirror(sources: Path = Path("/etc/apt")) -> str | None:
    """Return the Debian mirror that this system's apt uses; None where it names none.

    debootstrap has a default of its own for that case.
    """
    files = [sources / "sources.list", *sorted((sources / "sources.list.d").glob("*"))]
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        for line in text.splitlines():
            found = re.match(
                r"(?:deb\s(?:\[[^\]]*\]\s*)?|URIs:\s*)\s*(\w+://\S+/debian)/?(?:\s|$)", line
            )
            if found:
                return found[1]
    return None


def _program() -> str | None:
    return shutil.which("debootstrap", path="/usr/sbin:/usr/bin:/sbin")


def cannot_build() -> str | None:
    """Why no root folder can be made here; None where it can."""
    if _program() is None:
        return "debootstrap is not installed (Debian: apt install debootstrap)"
    if os.geteuid() != 0:
        return "debootstrap needs root; any root folder that belongs to you works, too"
    return None


def build_rootfs(folder: Path, suite: str = SUITE, mirror: str | None = None) -> None:
    """Fill `folder` with a small Debian, owned by the user that boxes run as.

    Packages come from `mirror`, else from where this system's apt takes its own.

    Raises:
        ConfigError: debootstrap is missing, this is not root, or the folder is not empty.
        DataError: debootstrap failed.
    """
    why = cannot_build()
    if why is not None:
        raise ConfigError(why)
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"'{folder}' is not empty; choose another folder")
    mirror = mirror or system_mirror()
    command = [str(_program()), "--variant=minbase", suite, str(folder)]
    _run("debootstrap", [*command, mirror] if mirror else command)
    _leave_out_documentation(folder)
    # By apt, as upstream's image does: tasks about logs see what apt writes.
    install = ["apt-get", "install", "--yes", *PACKAGES]
    _run("apt-get", ["chroot", str(folder), "env", "DEBIAN_FRONTEND=noninteractive", *install])
    (folder / "etc" / "networks").write_text(NETWORKS)
    _age(folder / "var" / "log", 100)
    give_away(folder, BOX_USER)


def _run(name: str, command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise DataError(f"{name} failed: {last[0]}")


def _leave_out_documentation(folder: Path) -> None:
    """Tell dpkg, and remove what debootstrap has unpacked. Links stay, as they do with dpkg."""
    (folder / "etc" / "dpkg" / "dpkg.cfg.d" / "excludes").write_text(_EXCLUDES)
    kept = {path for pattern in _KEPT for path in folder.glob(pattern)}
    found = [path for name in _DROPPED for path in (folder / name).rglob("*")]
    for path in (*found, *folder.glob(_TRANSLATIONS)):
        if path.is_file() and not path.is_symlink() and path not in kept:
            path.unlink()


def _age(folder: Path, days: int) -> None:
    """Make logs as old as they are in an image that was not made today."""
    for path in (folder, *folder.rglob("*")):
        when = path.lstat().st_mtime - days * 86_400
        os.utime(path, (when, when), follow_symlinks=False)


def give_away(folder: Path, user: int) -> None:
    """Make all of a folder another user's."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(place) / name, user, user, follow_symlinks=False)
    os.chown(folder, user, user)
