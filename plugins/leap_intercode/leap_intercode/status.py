"""What changed in a box: `git status --short` at /, told from two snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Change = tuple[str, str]
"""(path, status), as upstream reads them: "D", "M", "T" or "??"."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a box by path, without the leading slash: (kind, executable, digest)."""

    files: Mapping[str, tuple[str, bool, str]]

    @staticmethod
    def of(entries: Iterable[Sequence[object]]) -> Snapshot:
        """From (path, kind, executable, digest)."""
        return Snapshot({str(p): (str(k), bool(x), str(d)) for p, k, x, d in entries})

    def tracked(self) -> dict[str, tuple[str, bool, str]]:
        """What git would keep: files and links."""
        return {p: e for p, e in self.files.items() if e[0] in ("file", "link")}


def status_text(before: Snapshot, after: Snapshot) -> str:
    """What `git status --short` prints: changed files by path, then untracked ones by path."""
    old = before.tracked()
    lines = []
    for path in sorted(old, key=_bytes):
        letter = _letter(old[path], after.files.get(path))
        if letter:
            lines.append(f" {letter} {_quoted(path)}")
    for path in _untracked(old, after):
        lines.append(f"?? {_quoted(path)}")
    return "".join(f"{line}\n" for line in lines)


def read_status(text: str) -> tuple[list[Change], bool]:
    """Read a status as upstream does, and whether upstream could read it at all.

    It takes words in pairs, so that one path with a space shifts all that follows; an odd number
    of words makes it fail (and LEAP's research code try for ever). Then the status is read line by
    line here, and the second value is False.
    """
    words = text.split()
    if len(words) % 2 == 0:
        return [(words[i + 1], words[i]) for i in range(0, len(words), 2)], True
    return [(line[3:], line[:2].strip()) for line in text.splitlines()], False


def _letter(old: tuple[str, bool, str], new: tuple[str, bool, str] | None) -> str:
    if new is None or new[0] in ("dir", "repo"):
        return "D"
    if new[0] == "other" and old[0] == "file":
        return "M"  # a pipe passes for a file
    if old[0] != new[0]:
        return "T"
    return "M" if old != new else ""


def _untracked(old: Mapping[str, object], after: Snapshot) -> list[str]:
    """New files; a folder that holds nothing tracked stands for all in it.

    A repository in such a folder counts as a file. What lies below the path of a tracked file is
    not looked at.
    """
    known = {folder for path in old for folder in _folders(path)}
    shown = set()
    for path, (kind, _, _) in after.files.items():
        above = _folders(path)
        if kind in ("dir", "other") or path in old or any(folder in old for folder in above):
            continue
        if kind == "repo" and path in known:
            continue
        whole = next((f for f in above if f not in known), f"{path}/" if kind == "repo" else path)
        shown.add(whole if whole in (path, f"{path}/") else f"{whole}/")
    return sorted(shown, key=_bytes)


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
_ESCAPES |= {ord('"'): '\\"', ord("\\"): "\\\\"}


def _quoted(path: str) -> str:
    """As git writes a path: in quotes where it holds a space or a sign that needs escaping."""
    escaped = "".join(
        _ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
        for byte in _bytes(path)
    )
    return f'"{escaped}"' if escaped != path or " " in path else path
