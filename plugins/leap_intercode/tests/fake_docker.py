"""A stand-in for the program `docker`, of the commands that LEAP uses.

Containers are real, if small: namespaces by util-linux over a folder in $FAKE_DOCKER, where every
command line is noted. Run as `python fake_docker.py COMMAND …`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STATE = Path(os.environ["FAKE_DOCKER"])
IMAGE = STATE / "image"
LINKS = ("bin", "sbin", "lib", "lib64")
START = """
mount --rbind /usr "$0/usr" && mount --rbind /dev "$0/dev" || exit 125
mount -t proc proc "$0/proc" || exit 125
exec chroot "$0" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root "$@"
"""
ENTER = 'cd "$0" || exit 126; exec /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root "$@"'


def main(command: str, *arguments: str) -> int:
    with (STATE / "log").open("a") as log:
        log.write(json.dumps([command, *arguments]) + "\n")
    return {"run": run, "exec": enter, "rm": remove}.get(command, about)(command, *arguments)


def about(command: str, *arguments: str) -> int:
    if command == "build":
        IMAGE.write_text(sys.stdin.read())
    elif command == "version":
        print("99.0")
    elif not IMAGE.exists():
        print("Error: No such image:", arguments[-1])
        return 1
    else:
        print("sha256:0123")
    return 0


def run(_: str, *arguments: str) -> int:
    options = dict(a.partition("=")[::2] for a in arguments if a.startswith("--"))
    program = arguments[-1:]
    folder = STATE / options["--name"]
    root = folder / "root"
    for name in ("usr", "dev", "proc", "etc", "root", "tmp", "mnt"):
        (root / name).mkdir(parents=True)
    for name in LINKS:
        (root / name).symlink_to(f"usr/{name}")
    shutil.copy("/etc/os-release", root / "etc" / "os-release")
    spaces = ("--user", "--map-root-user", "--mount", "--pid", "--net", "--uts", "--fork")
    process = subprocess.Popen(
        ["unshare", *spaces, "--kill-child", "sh", "-c", START, root, *program]
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and not (first := children.read_text().split()):
        time.sleep(0.01)
    if process.poll() is None:
        (folder / "pid").write_text(first[0])
    code = process.wait()
    shutil.rmtree(folder)
    return code


def enter(_: str, *arguments: str) -> int:
    words, workdir = list(arguments), "/"
    while words[0].startswith("--"):
        if words.pop(0) == "--workdir":
            workdir = words.pop(0)
    name, *argv = words
    pid = STATE / name / "pid"
    if not pid.exists():
        print(f"Error response from daemon: No such container: {name}")
        return 1
    spaces = ("--user", "--preserve-credentials", "--mount", "--pid", "--net", "--uts")
    shell = ("sh", "-c", ENTER, workdir, *argv)
    return subprocess.call(["nsenter", "-t", pid.read_text(), *spaces, "--root", "--wd", *shell])


def remove(_: str, *arguments: str) -> int:
    folder = STATE / arguments[-1]
    if (folder / "pid").exists():
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    while folder.exists():
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
