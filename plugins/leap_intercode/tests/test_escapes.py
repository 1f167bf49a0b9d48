"""Attempts to break out of the sandbox, or to wear the machine down: all are contained.

Each attempt prints ESCAPED if it works. The test plants a secret, a listener, a process and a
folder on the host; after every attempt all of them are as before, and the next episode is clean.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from leap_intercode.sandbox.client import BOX_USER, Box, Limits, Output, Zygote
from leap_intercode.testing import ORDINARY, as_user, gone, spec, usable_python

SECRET = "e5c4f9-planted-secret"
SPARE = 3.0
"""Seconds after its time limit in which an attempt is over."""
CLEAN = ["area", "area/a.txt", "area/deep", "area/run.sh", "area/deep/b.log"]
"""The files of a fresh box."""
TRIES = 4
"""A machine may be too busy to end one in time; a sandbox that cannot is late every time."""
SMALL = Limits(total_memory=300 << 20, memory=256 << 20, disk=32 << 20, entries=2000, file=8 << 20)


def perl(number: int, *arguments: str) -> str:
    """Make a system call; ESCAPED if the kernel lets it through."""
    given = ", ".join(("0+" + a) if a.lstrip("-").isdigit() else a for a in arguments)
    comma = ", " if given else ""
    return (
        f"perl -e '$r = syscall({number}{comma}{given}); print $r == -1 ? qq(no $!) : q(ESCAPED)'"
    )


@dataclass(frozen=True)
class Attempt:
    name: str
    command: str
    seconds: float = 5.0


WORKED = "&& echo ESCAPED"
ATTEMPTS = [
    # -- writing outside
    Attempt("write to programs", f"echo x > /usr/bin/pwned {WORKED}"),
    Attempt("replace the shell", f"cp /bin/true /bin/bash {WORKED}"),
    Attempt("remount writable", f"mount -o remount,rw /usr {WORKED}"),
    Attempt("write in a host folder", "mkdir -p $HOST; echo pwned > $HOST/file"),
    Attempt("write through another root", f"echo x > /proc/1/root$HOST/file {WORKED}"),
    Attempt("write through a climbing path", f"echo x > /../../..$HOST/file {WORKED}"),
    Attempt("delete everything", "rm -rf --no-preserve-root / 2>/dev/null"),
    Attempt("make everything unreadable", "chmod -R 000 / 2>/dev/null"),
    Attempt("own everything", f"chown -R 12345 /usr 2>/dev/null {WORKED}"),
    # -- reading outside
    Attempt("read by path", "cat $HOST/secret"),
    Attempt("read through another root", "cat /proc/1/root$HOST/secret /proc/*/cwd$HOST/secret"),
    Attempt("read environments", "cat /proc/*/environ | tr '\\0' '\\n' | grep LEAP_SECRET"),
    Attempt("read command lines", "cat /proc/*/cmdline | grep -a 'victim-of-the[-]test'"),
    Attempt("find open files", f"ls -l /proc/self/fd > /fds; grep -E ' [4-9] ->' /fds {WORKED}"),
    Attempt("read what is left of sockets", f"ls -l /proc/self/fd | grep socket {WORKED}"),
    Attempt("read the host's users", f"grep -i -E 'postgres|mysql|sshd' /etc/passwd {WORKED}"),
    Attempt("read passwords", f"cat /etc/shadow {WORKED}"),
    Attempt("read local programs", f"ls /usr/local | grep . {WORKED}"),
    Attempt("read memory", f"head -c 1 /proc/kcore | grep -c . | grep 1 {WORKED}"),
    Attempt("read the kernel log", f"dmesg 2>/dev/null | grep . {WORKED}"),
    Attempt("disk devices", f"ls /dev/sd* /dev/vd* /dev/nvme* /dev/mem 2>/dev/null {WORKED}"),
    # -- the network
    Attempt("connect to the host", f"(echo > /dev/tcp/127.0.0.1/$PORT) {WORKED}"),
    Attempt("connect to the world", f"(echo > /dev/tcp/1.1.1.1/53) {WORKED}", 3.0),
    Attempt("ask a name server", f"getent hosts example.com {WORKED}", 3.0),
    Attempt("abstract socket", "perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0);"
            " print q(ESCAPED) if connect(S, pack(q(S a*), 1, qq(\\0) . $ENV{ABSTRACT}))'"),
    Attempt("raw packets", "perl -MSocket -e 'print q(ESCAPED) if socket(S,17,SOCK_RAW,768)'"),
    Attempt("new interfaces", f"ip link add d0 type dummy {WORKED}"),
    # -- other processes
    Attempt("kill a foreign process", f"kill -9 $VICTIM {WORKED}"),
    Attempt("kill all", "kill -9 -1"),
    Attempt("kill the first process", "kill -9 1; kill -TERM 1; kill -HUP 1; kill -INT 1"),
    Attempt("stop the first process", "kill -STOP 1; kill -TSTP 1"),
    Attempt("kill the parent", f"[ $PPID != 0 ] && kill -9 $PPID {WORKED}"),
    Attempt("write another's memory", f"echo x > /proc/1/mem {WORKED}"),
    Attempt("spare oneself from the OOM killer", f"echo -1000 > /proc/self/oom_score_adj {WORKED}"),
    Attempt("feed the first process", "echo 'touch /tmp/x; kill -9 -1' > /proc/1/fd/0; sleep 0.2"),
    Attempt("trace", perl(101, "16", "1", "0", "0")),
    Attempt("read another's memory", perl(310, "1", "0", "0", "0", "0", "0")),
    # -- privileges
    Attempt("setuid program", "cp /bin/bash /sb; chmod 6755 /sb; /sb -p -c 'cat /proc/self/status'"
            " | grep CapEff | grep -v 000000000000003b && echo ESCAPED"),
    Attempt("become another user", f"su nobody -s /bin/sh -c id {WORKED}"),
    Attempt("setuid call", "perl -e '$> = 65431; print $> == 65431 ? q(ESCAPED) : q(no)'"),
    Attempt("sudo", f"sudo -n true {WORKED}"),
    Attempt("block device", f"mknod /disk b 8 0 {WORKED}"),
    Attempt("character device", f"mknod /memory c 1 1 {WORKED}"),
    Attempt("file capabilities", f"setcap cap_sys_admin+ep /area/run.sh {WORKED}"),
    Attempt("raise limits", f"ulimit -u 100000 {WORKED}"),
    Attempt("chroot", f"chroot / /bin/true {WORKED}"),
    # -- namespaces and mounts
    Attempt("user namespace", f"unshare -Ur true {WORKED}"),
    Attempt("mount namespace", f"unshare -m true {WORKED}"),
    Attempt("another's namespace", f"nsenter -t 1 -m -u -i -n true {WORKED}"),
    Attempt("mount tmpfs", f"mount -t tmpfs none /area {WORKED}"),
    Attempt("mount proc", f"mount -t proc none /area {WORKED}"),
    Attempt("mount cgroups", f"mount -t cgroup none /area {WORKED}"),
    Attempt("bind", f"mount --bind /usr /area {WORKED}"),
    Attempt("uncover", f"umount -l /usr/local {WORKED}"),
    Attempt("uncover /proc", f"umount -l /proc/sys {WORKED}"),
    Attempt("unshare call", perl(272, "268435456")),
    Attempt("clone call", perl(56, "268435473", "0", "0", "0", "0")),
    Attempt("clone3 call", perl(435, "0", "0")),
    Attempt("setns call", perl(308, "0", "0")),
    Attempt("call by the x32 numbers", perl(0x40000000 + 272, "268435456")),
    # -- the kernel
    Attempt("core pattern", f"echo '|/bin/true' > /proc/sys/kernel/core_pattern {WORKED}"),
    Attempt("allow namespaces again", f"echo 9 > /proc/sys/user/max_user_namespaces {WORKED}"),
    Attempt("host name", f"hostname pwned {WORKED}"),
    Attempt("clock", f"date -s '2001-01-01' {WORKED}"),
    Attempt("load a module", f"modprobe dummy {WORKED}"),
    Attempt("bpf", perl(321, "0", "0", "0")),
    Attempt("keys", perl(250, "0", "-3", "0")),
    Attempt("io_uring", perl(425, "1", "0")),
    Attempt("userfaultfd", perl(323, "0")),
    Attempt("performance counters", perl(298, "0", "0", "-1", "-1", "0")),
    Attempt("reboot", perl(169, "0", "0", "0", "0")),
    Attempt("file handles", perl(304, "0", "0", "0")),
    # -- wearing the machine down
    Attempt("fork bomb", ":(){ :|:& };: 2>/dev/null; sleep 1", 3.0),
    Attempt("daemons", "for i in 1 2 3; do setsid nohup sleep 1000 >/dev/null 2>&1 & done"),
    Attempt("double forks", "perl -e 'for (1..9) { fork or do { fork and exit; sleep 999 } }'"),
    Attempt("one greedy process", "perl -e '$x = q(a) x 3e9; print q(ESCAPED)'", 8.0),
    Attempt("many greedy processes",
            "for i in 1 2 3 4 5 6; do perl -e '$x = q(a) x 1e8; sleep 9' & done; wait", 8.0),
    Attempt("a large file", f"head -c 20M /dev/zero > /big {WORKED}"),
    Attempt("many files of data", f"for i in 1 2 3 4 5 6 7; do head -c 7M /dev/zero > /f$i || exit;"
            f" done; true {WORKED}"),
    Attempt("many empty files", f"mkdir /many; cd /many; touch $(seq 5000) {WORKED}"),
    Attempt("shared memory", f"head -c 7M /dev/zero > /dev/shm/x {WORKED}"),
    Attempt("endless output", "yes", 1.0),
    Attempt("endless silence", "while :; do :; done", 1.0),
    Attempt("ignored signals", "trap '' TERM INT HUP; while :; do sleep 1; done", 1.0),
    Attempt("a deep folder", "d=/deep; for i in $(seq 300); do d=$d/a; done; mkdir -p $d"),
    Attempt("a circle of links and a pipe", "ln -s / /loop; ln -s me /me; mkfifo /pipe"),
]  # fmt: skip


@dataclass
class Host:
    """What is planted on the host."""

    folder: Path
    port: int
    abstract: str
    victim: subprocess.Popen[bytes]

    def environment(self) -> dict[str, str]:
        return {
            "HOST": str(self.folder),
            "PORT": str(self.port),
            "ABSTRACT": self.abstract,
            "VICTIM": str(self.victim.pid),
            "LEAP_TEST_MARK": "escape",
        }


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    folder = Path(tempfile.mkdtemp(prefix="host-of-the-test-"))
    folder.chmod(0o777)
    (folder / "secret").write_text(SECRET)
    (folder / "file").write_text("untouched")
    (folder / "file").chmod(0o666)
    listener = socket.create_server(("127.0.0.1", 0))
    abstract = f"abstract-of-the-test-{os.getpid()}"
    plain = socket.socket(socket.AF_UNIX)
    plain.bind(f"\0{abstract}")
    plain.listen()
    who = {"user": BOX_USER} if os.geteuid() == 0 else {}
    victim = subprocess.Popen(
        ["bash", "-c", "sleep 600; : victim-of-the-test"],
        env={"LEAP_SECRET": SECRET, "PATH": os.environ["PATH"]},
        cwd="/",
        **who,
    )
    yield Host(folder, listener.getsockname()[1], abstract, victim)
    victim.kill()
    victim.wait()
    listener.close()
    plain.close()
    shutil.rmtree(folder)


def attack(
    zygote: Zygote, attempt: Attempt, environment: dict[str, str], rootfs: str = ""
) -> dict[str, object]:
    """Make an attempt in a box of its own, look at the box, and open a clean one."""
    box, done, late = start(zygote, attempt, environment, rootfs)
    looked = look(box)
    box.close()
    for _ in range(TRIES - 1):
        if late > SPARE:
            again, _, took = start(zygote, attempt, environment, rootfs)
            again.close()
            late = min(late, took)
    fresh = zygote.open(spec(rootfs=rootfs, **environment))
    listing = fresh.run(["/bin/bash", "-c", "find / -xdev -newer /etc/hosts -type f"], "/", 5.0)
    files = [path for path, *_ in fresh.snapshot()]
    fresh.close()
    return {
        "said": done.data[:5000].decode(errors="replace"),
        "bytes": len(done.data),
        "timed out": done.timed_out,
        "late": late,
        "looked": looked,
        "files": files,
        "listing": listing.data.decode(errors="replace"),
    }


def start(
    zygote: Zygote, attempt: Attempt, environment: dict[str, str], rootfs: str
) -> tuple[Box, Output, float]:
    """Make an attempt; also by how many seconds it passed its time limit."""
    box = zygote.open(spec(limits=SMALL, rootfs=rootfs, **environment))
    began = time.monotonic()
    done = box.run(["/bin/bash", "-c", attempt.command], "/", attempt.seconds)
    return box, done, time.monotonic() - began - attempt.seconds


def look(box: Box) -> str:
    """The evaluation must get along with whatever is left of the box."""
    try:
        return f"{len(box.snapshot())} entries"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.fixture(scope="module")
def results(backend, host) -> dict[str, dict[str, dict[str, object]]]:
    """What every attempt did: as the user that runs the tests and, if that is root, as another."""
    os.environ["LEAP_SECRET"] = SECRET
    environment = host.environment()

    def attack_all(python: str | None = None) -> dict[str, dict[str, object]]:
        zygote = Zygote(python) if python else Zygote()
        try:
            with ThreadPoolExecutor(6) as pool:
                done = pool.map(lambda a: attack(zygote, a, environment), ATTEMPTS)
                return {a.name: found for a, found in zip(ATTEMPTS, done, strict=True)}
        finally:
            zygote.close()

    found = {"as found": attack_all()}
    python = usable_python(ORDINARY) if os.geteuid() == 0 else None
    if python is not None:
        found["ordinary"] = as_user(ORDINARY, lambda: attack_all(python))
    del os.environ["LEAP_SECRET"]
    return found


needs_x86 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the attempts use x86-64 system call numbers"
)


@needs_x86
@pytest.mark.parametrize("who", ["as found", "ordinary"])
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda a: a.name)
def test_an_attempt_is_contained(results, attempt, who):
    if who not in results:
        pytest.skip("no interpreter here that an ordinary user may run, or already ordinary")
    found = results[who][attempt.name]
    assert "ESCAPED" not in found["said"], found["said"]
    assert SECRET not in found["said"]
    assert "victim-of-the-test" not in found["said"]
    assert found["bytes"] <= SMALL.output
    assert found["late"] <= SPARE
    assert found["files"] == CLEAN


@needs_x86
@pytest.mark.parametrize("name", ["endless output", "endless silence", "ignored signals"])
def test_what_never_ends_is_ended_at_its_time_limit(results, name):
    assert all(found[name]["timed out"] for found in results.values())


@needs_x86
def test_the_host_is_as_before(results, host):
    assert (host.folder / "file").read_text() == "untouched"
    assert (host.folder / "secret").read_text() == SECRET
    assert sorted(p.name for p in host.folder.iterdir()) == ["file", "secret"]
    assert host.victim.poll() is None
    assert not Path("/usr/bin/pwned").exists()
    assert gone("escape")


IN_THE_COPY = ("write to programs", "read passwords", "read local programs")
"""What a root folder allows: they reach its own files, as the box alone sees them."""


@needs_x86
@pytest.mark.skipif(not os.environ.get("LEAP_FULL"), reason="takes a minute: LEAP_FULL=1")
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_over_a_root_folder_all_is_contained_as_well(rootfs, host, zygote):
    folder = str(rootfs.rootfs.resolve())
    environment = host.environment()
    before = inventory(folder)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda a: attack(zygote, a, environment, folder), ATTEMPTS))
    for attempt, told in zip(ATTEMPTS, found, strict=True):
        assert attempt.name in IN_THE_COPY or "ESCAPED" not in str(told["said"]), attempt.name
        assert SECRET not in str(told["said"]), attempt.name
        assert told["late"] <= SPARE, attempt.name
        assert told["files"] == CLEAN, attempt.name
    assert (host.folder / "file").read_text() == "untouched"
    assert host.victim.poll() is None
    assert inventory(folder) == before
    assert gone("escape")


def inventory(folder: str) -> list[tuple[object, ...]]:
    """All that lies in a folder: path, mode, owner, size, time of change."""
    return sorted(
        (path, (told := os.lstat(path)).st_mode, told.st_uid, told.st_size, told.st_mtime_ns)
        for place, folders, files in os.walk(folder)
        for path in (f"{place}/{name}" for name in (*folders, *files))
    )


def test_there_are_enough_attempts():
    assert len({a.name for a in ATTEMPTS}) == len(ATTEMPTS) >= 40
