"""The root that a box sees: the host's programs read-only, or a root folder of the user's.

These modules use `os.path` and no `open`: pathlib and codecs import parts of themselves lazily, and
a Python process in a box can import nothing any more.

Either way all that a command writes goes to a tmpfs of limited size that vanishes with the box.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import Any

from leap_intercode.sandbox import syscalls

_BASE = "/tmp"  # noqa: S108 - only a place to mount on, in a mount namespace of our own
_SYSTEM_FOLDERS = ("boot", "etc", "home", "media", "opt", "proc", "root", "run", "srv", "sys")
_PROGRAM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_FROM_HOST_ETC = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "magic.mime",
    "ImageMagick-6",
    "ImageMagick-7",
    "mime.types",
    "protocols",
    "services",
)
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LOGS = ("alternatives.log", "apt/history.log", "apt/term.log", "bootstrap.log", "dpkg.log")
_DAY = 86_400
_MASKED = (
    "kcore keys key-users kmsg sched_debug timer_list sysrq-trigger cmdline kallsyms iomem ioports "
    "modules config.gz interrupts vmallocinfo slabinfo kpagecount kpageflags kpagecgroup "
    "latency_stats"
).split()
"""Files of /proc that tell of the machine, or change it; some exist only on some machines."""
_HIDDEN = ("acpi", "asound", "bus", "driver", "irq", "scsi", "tty/driver")
_NAMESPACE_LIMITS = {"max_user_namespaces": 0, "max_inotify_watches": 1024}

_ACCOUNTS = (
    "root:0:/root:/bin/bash daemon:1:/usr/sbin:/usr/sbin/nologin bin:2:/bin:/usr/sbin/nologin "
    "sys:3:/dev:/usr/sbin/nologin games:5:/usr/games:/usr/sbin/nologin "
    "man:6:/var/cache/man:/usr/sbin/nologin mail:8:/var/mail:/usr/sbin/nologin "
    "www-data:33:/var/www:/usr/sbin/nologin backup:34:/var/backups:/usr/sbin/nologin "
    "nobody:65534:/nonexistent:/usr/sbin/nologin"
)
_GROUPS = (
    "root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 mail:8 man:12 kmem:15 audio:29 www-data:33 "
    "backup:34 shadow:42 staff:50 games:60 users:100 nogroup:65534"
)

NETWORKS = "# names of networks\nlink-local 169.254.0.0\n"
"""Of /etc/networks, as Ubuntu has it, upstream's system; Debian names more."""
_HOSTS = (
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n172.17.0.2\t"
)
"""Of /etc/hosts, as Docker writes it; the host's own name comes last."""


def build(spec: dict[str, Any]) -> str:
    """Mount the box's root (not yet entered) and return where it is."""
    layers = None
    if spec["rootfs"]:
        # Opened before anything is mounted over the paths that lead there.
        flags = os.O_RDONLY | os.O_DIRECTORY
        layers = os.open(spec["layer"], flags), os.open(spec["rootfs"], flags)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    size, entries = spec["limits"]["disk"], spec["limits"]["entries"]
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount("tmpfs", _BASE, "tmpfs", flags, f"size={size},nr_inodes={entries},mode=755")
    root = _BASE
    if layers is None:
        _show_host(root, time.time())
        plant(root, spec["tree"])
    else:
        root = _overlay(*layers)
    _make_devices(root)
    _name_host(root, spec["hostname"])
    return root


def _show_host(root: str, now: float) -> None:
    """A root of our own with the host's programs, read-only; not what is in /usr/local."""
    for name in (*_SYSTEM_FOLDERS, "usr"):
        os.mkdir(f"{root}/{name}")
    os.chmod(f"{root}/root", 0o700)
    syscalls.bind("/usr", f"{root}/usr", read_only=True)
    if os.path.isdir("/usr/local"):
        syscalls.mount(
            "tmpfs", f"{root}/usr/local", "tmpfs", syscalls.MS_RDONLY, "size=4k,mode=755"
        )
    for name in _PROGRAM_FOLDERS:
        host = f"/{name}"
        if os.path.islink(host):
            os.symlink(os.readlink(host), f"{root}/{name}")
        elif os.path.isdir(host):
            os.mkdir(f"{root}/{name}")
            syscalls.bind(host, f"{root}/{name}", read_only=True)
    for folder in ("log", "lib", "cache", "spool", "mail"):
        os.makedirs(f"{root}/var/{folder}")
    _write_etc(f"{root}/etc")
    for path in _LOGS:
        target = f"{root}/var/log/{path}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _write(target, "")
        os.utime(target, (now - 30 * _DAY, now - 30 * _DAY))


def _write_etc(etc: str) -> None:
    for name in _FROM_HOST_ETC:
        host = os.path.realpath(f"/etc/{name}")
        if os.path.isdir(host):
            os.mkdir(f"{etc}/{name}")
        elif os.path.isfile(host):
            _write(f"{etc}/{name}", "")
        else:
            continue
        syscalls.bind(host, f"{etc}/{name}", read_only=True)
    accounts = [account.split(":") for account in _ACCOUNTS.split()]
    people = [f"{n}:x:{i}:{i}:{n}:{home}:{shell}\n" for n, i, home, shell in accounts]
    groups = [group.split(":") for group in _GROUPS.split()]
    _write(f"{etc}/passwd", "".join(people))
    _write(f"{etc}/group", "".join(f"{name}:x:{number}:\n" for name, number in groups))
    _write(f"{etc}/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    _write(f"{etc}/shells", "/bin/sh\n/bin/bash\n/usr/bin/bash\n")
    _write(f"{etc}/networks", NETWORKS)
    os.symlink("/proc/mounts", f"{etc}/mtab")
    if os.path.exists("/usr/lib/os-release"):
        os.symlink("../usr/lib/os-release", f"{etc}/os-release")


def _overlay(tree: int, lower: int) -> str:
    """The user's root folder below, the tree over it, a tmpfs above: writable, never changed."""
    root = f"{_BASE}/root"
    for name in ("upper", "work", "root"):
        os.mkdir(f"{_BASE}/{name}")
    below = f"/proc/self/fd/{tree}:/proc/self/fd/{lower}"
    layers = f"lowerdir={below},upperdir={_BASE}/upper,workdir={_BASE}/work"
    try:
        syscalls.mount("overlay", root, "overlay", 0, f"{layers},userxattr")
    except OSError:  # Linux before 5.11 has no such option
        syscalls.mount("overlay", root, "overlay", 0, layers)
    os.close(tree)
    os.close(lower)
    for name in ("proc", "dev", "etc"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    for name in ("tmp", "mnt"):  # what `git clean` leaves of empty folders
        _remove_if_empty(f"{root}/{name}")
    return root


def _remove_if_empty(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _make_devices(root: str) -> None:
    dev = f"{root}/dev"
    os.makedirs(dev, exist_ok=True)
    syscalls.mount("tmpfs", dev, "tmpfs", syscalls.MS_NOSUID, "size=1m,nr_inodes=1k,mode=755")
    for name in _DEVICES:
        _write(f"{dev}/{name}", "")
        syscalls.mount(f"/dev/{name}", f"{dev}/{name}", None, syscalls.MS_BIND)
    os.symlink("/proc/self/fd", f"{dev}/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{dev}/{name}")
    os.mkdir(f"{dev}/shm", 0o1777)


def _name_host(root: str, hostname: str) -> None:
    _write(f"{root}/etc/hostname", f"{hostname}\n")
    _write(f"{root}/etc/resolv.conf", "")
    _write(f"{root}/etc/hosts", f"{_HOSTS}{hostname}\n")


def plant(root: str, tree: list[list[Any]]) -> None:
    """Write the task's files: entries (path, kind, mode, content or target, time) in order."""
    folders = []
    for path, kind, mode, content, modified in tree:
        target = root + path
        if kind == "dir":
            os.makedirs(target, exist_ok=True)
            os.chmod(target, mode)
            folders.append((target, modified))
        elif kind == "link":
            os.symlink(content, target)
            os.utime(target, (modified, modified), follow_symlinks=False)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            descriptor = os.open(target, flags, 0o600)
            os.write(descriptor, content.encode("latin-1"))
            os.fchmod(descriptor, mode)
            os.utime(descriptor, (modified, modified))
            os.close(descriptor)
    for target, modified in reversed(folders):
        os.utime(target, (modified, modified))


def mount_proc(root: str) -> None:
    """Mount /proc of the PID namespace that the caller is in, without what tells of the host."""
    proc = f"{root}/proc"
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("proc", proc, "proc", flags)
    for name, most in _NAMESPACE_LIMITS.items():  # whatever the system call filter says
        limit = f"{proc}/sys/user/{name}"
        if os.path.exists(limit):
            _write(limit, str(most))
    for name in _MASKED:
        path = f"{proc}/{name}"
        if os.path.exists(path):
            syscalls.mount("/dev/null", path, None, syscalls.MS_BIND)
    empty = ""
    for name in _HIDDEN:
        path = f"{proc}/{name}"
        if empty and os.path.isdir(path):
            syscalls.mount(empty, path, None, syscalls.MS_BIND)
        elif os.path.isdir(path):
            syscalls.mount("tmpfs", path, "tmpfs", syscalls.MS_RDONLY, "size=4k,mode=555")
            empty = path
    # All else is to be read only: no settings of the kernel's, no oom_score_adj.
    syscalls.mount(
        "none", proc, None, flags | syscalls.MS_BIND | syscalls.MS_REMOUNT | syscalls.MS_RDONLY
    )


def _write(path: str, text: str) -> None:
    # Not open(): that would import codecs lazily, after the host's root is gone.
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            os.unlink(path)
    except OSError:
        pass
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, text.encode())
    os.close(descriptor)
