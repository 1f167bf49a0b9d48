"""What is in a box: its files, as far as upstream's `git status` at / would look at them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from itertools import islice
from typing import Any

IGNORED = frozenset(
    "bin boot dev etc home lib media opt proc root run sbin srv sys usr var .dockerenv .git "
    "lib32 lib64 libx32".split()
)
"""Names that upstream's .gitignore leaves out, wherever they are, and links that Docker makes."""

_BLOCK = 1 << 18
_ZEROS = bytes(_BLOCK)
_HEAD_SIZE = 256
_END = 1 << 62


class TooLong(Exception):
    """Looking takes longer than it may."""


def take(top: str, most: int, check: Callable[[], None]) -> dict[str, Any]:
    """Return {"entries": [[path, kind, executable, digest]], "complete": bool}.

    Paths are without the leading slash. Kinds: "file" (digest: of the content), "link" (digest: its
    target), "dir", "repo" (a folder with a git repository of its own), "other". At most `most`
    entries. `check` is called again and again, and may raise TooLong.
    """
    entries: list[list[Any]] = []
    stack = [""]
    try:
        while stack:
            folder = stack.pop()
            try:
                with os.scandir(f"{top}/{folder}") as items:
                    found = sorted(islice(items, most + len(IGNORED)), key=lambda e: e.name)
            except OSError:
                continue
            for item in found:
                if item.name in IGNORED:
                    continue
                check()
                if len(entries) >= most:
                    return {"entries": entries, "complete": False}
                path = f"{folder}/{item.name}" if folder else item.name
                kind = _kind(item)
                if kind == "dir":
                    stack.append(path)
                    kind = "repo" if _is_repository(f"{top}/{path}/.git") else "dir"
                executable, digest = _look(f"{top}/{path}", kind, check)
                entries.append([path, kind, executable, digest])
    except TooLong:
        return {"entries": entries, "complete": False}
    return {"entries": entries, "complete": True}


def _kind(item: os.DirEntry[str]) -> str:
    if item.is_symlink():
        return "link"
    if item.is_dir(follow_symlinks=False):
        return "dir"
    return "file" if item.is_file(follow_symlinks=False) else "other"


def _is_repository(path: str) -> bool:
    """Whether git would take `path` (some folder's `.git`) for a repository."""
    try:
        if not os.path.isdir(path):
            told = _beginning(path)
            if not told.startswith(b"gitdir: "):
                return False
            target = os.fsdecode(told[len(b"gitdir: ") :].rstrip(b"\r\n"))
            path = target if target.startswith("/") else f"{os.path.dirname(path)}/{target}"
        head = f"{path}/HEAD"
        told = os.fsencode(os.readlink(head)) if os.path.islink(head) else _beginning(head)
    except OSError:
        return False
    named = told.startswith(b"refs/") or (told.startswith(b"ref:") and b"refs/" in told)
    commit = len(told.strip()) in (40, 64) and not set(told.strip()) - set(b"0123456789abcdef")
    folders = all(os.access(f"{path}/{name}", os.X_OK) for name in ("objects", "refs"))
    return (named or commit) and folders


def _beginning(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return os.read(descriptor, _HEAD_SIZE)
    finally:
        os.close(descriptor)


def _look(path: str, kind: str, check: Callable[[], None]) -> tuple[bool, str]:
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
        if not stat.S_ISREG(status.st_mode):
            return False, ""
        return bool(status.st_mode & 0o100), _digest(descriptor, status.st_size, check)
    except OSError:
        return False, "unreadable"
    finally:
        os.close(descriptor)


def _digest(descriptor: int, size: int, check: Callable[[], None]) -> str:
    """A hash of a file: the MD5 of its content; of a large one, of its parts that are not zeros.

    So a sparse file takes no longer than what was written of it, and equal files have equal hashes
    however they lie on the disk.
    """
    digest = hashlib.md5(usedforsecurity=False)
    if size <= _BLOCK:
        digest.update(os.read(descriptor, _BLOCK))
        return digest.hexdigest()
    digest.update(b"%d" % size)
    place = 0
    while (place := _next_data(descriptor, place)) < size:
        check()
        block = os.pread(descriptor, _BLOCK, place)
        if not block:
            break
        if block != _ZEROS[: len(block)]:
            digest.update(b"@%d:" % place)
            digest.update(block)
        place += _BLOCK
    return digest.hexdigest()


def _next_data(descriptor: int, place: int) -> int:
    """The first block from `place` on that may hold something; behind the end if none does."""
    try:
        found = os.lseek(descriptor, place, os.SEEK_DATA)
    except OSError as error:
        return _END if error.errno == errno.ENXIO else place
    return found // _BLOCK * _BLOCK
