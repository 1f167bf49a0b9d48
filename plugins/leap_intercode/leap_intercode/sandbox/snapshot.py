"""What is in a box: its files, as far as upstream's `git status` at / would look at them."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any

IGNORED = frozenset(
    "bin boot dev etc home lib media opt proc root run sbin srv sys usr var .dockerenv .git "
    "lib32 lib64 libx32".split()
)
"""Names that upstream's .gitignore leaves out, wherever they are, and links that Docker makes."""

_BLOCK = 1 << 18


def take(top: str, most: int) -> dict[str, Any]:
    """Return {"entries": [[path, kind, executable, digest]], "complete": bool}.

    Paths are without the leading slash. Kinds: "file" (digest: md5 of the content), "link"
    (digest: its target), "dir" (only empty ones matter to nobody; listed for `find`-like uses),
    "other". At most `most` entries.
    """
    entries: list[list[Any]] = []
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            found = sorted(os.scandir(f"{top}/{folder}"), key=lambda e: e.name)
        except OSError:
            continue
        for item in found:
            if item.name in IGNORED:
                continue
            if len(entries) >= most:
                return {"entries": entries, "complete": False}
            path = f"{folder}/{item.name}" if folder else item.name
            kind = _kind(item)
            executable, digest = _look(f"{top}/{path}", kind)
            entries.append([path, kind, executable, digest])
            if kind == "dir":
                stack.append(path)
    return {"entries": entries, "complete": True}


def _kind(item: os.DirEntry[str]) -> str:
    if item.is_symlink():
        return "link"
    if item.is_dir(follow_symlinks=False):
        return "dir"
    return "file" if item.is_file(follow_symlinks=False) else "other"


def _look(path: str, kind: str) -> tuple[bool, str]:
    try:
        if kind == "link":
            return False, os.readlink(path)
        if kind != "file":
            return False, ""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False, "unreadable"
    try:
        status = os.fstat(descriptor)
        digest = hashlib.md5(usedforsecurity=False)
        while stat.S_ISREG(status.st_mode) and (block := os.read(descriptor, _BLOCK)):
            digest.update(block)
        return bool(status.st_mode & 0o100), digest.hexdigest()
    except OSError:
        return False, "unreadable"
    finally:
        os.close(descriptor)
