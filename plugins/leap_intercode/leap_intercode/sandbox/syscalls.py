"""System calls that Python does not wrap: namespaces, mounts, capabilities (by ctypes)."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Any

# Importing this works everywhere, so that a system without namespaces is told, not crashed on.
_libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL = 0, 1, 3, 4, 5

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4


def unshare(flags: int) -> None:
    """Move this process (for PIDs: its children to come) to new namespaces."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int = 0, data: str = "") -> None:
    """Mount a file system, or change a mount."""
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _check(result, f"mount {kind or ''} on {target}")


def unmount(target: str) -> None:
    """Detach a mount and all below it."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def bind(source: str, target: str, *, read_only: bool) -> None:
    """Show `source` (a file or a folder, with what is mounted below it) at `target`."""
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        make_read_only(target)


def make_read_only(target: str) -> None:
    """Make a mount and all below it read-only, without setuid programs and devices.

    Before Linux 5.12 only the mount itself can be changed.
    """
    attributes = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
    change = struct.pack("=QQQQ", attributes, 0, 0, 0)
    result = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, change, len(change)
    )
    if result == 0:
        return
    kept = os.statvfs(target).f_flag & (MS_NOEXEC | MS_NODEV | MS_NOSUID)
    flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | kept
    mount("none", target, None, flags)


def pivot_root(new_root: str) -> None:
    """Make `new_root` the root and let go of the old one with all of its mounts."""
    os.chdir(new_root)
    number = _PIVOT_ROOT[platform.machine()]
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when its parent ends."""
    prctl(PR_SET_PDEATHSIG, signal)


def prctl(option: int, value: int, pointer: object = None) -> None:
    """Set an attribute of this process."""
    extra = pointer if pointer is not None else ctypes.c_ulong(0)
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), extra, zero, zero), f"prctl {option}")


def keep_capabilities(kept: tuple[int, ...]) -> None:
    """Drop all capabilities but these, for good."""
    for capability in range(_last_capability() + 1):
        if capability not in kept:
            prctl(PR_CAPBSET_DROP, capability)
    mask = sum(1 << capability for capability in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    version3 = 0x20080522
    header = struct.pack("=Ii", version3, 0)
    data = struct.pack("=IIIIII", low, low, 0, high, high, 0)
    _check(_libc.capset(header, data), "capset")


_last: int | None = None


def _last_capability() -> int:
    """The highest capability that the kernel knows; read once, before the root changes."""
    global _last
    if _last is None:
        with open("/proc/sys/kernel/cap_last_cap") as file:
            _last = int(file.read())
    return _last


def prepare() -> None:
    """Read what can only be read while the host's root is there."""
    _last_capability()


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
