"""The users that exist in a box: root, and where LEAP may give them, all others by name.

Root in a box is an ordinary user of the host. The kernel lets it give files away only to users that
the box's namespace has; numbers for those, which are nobody's on the host, only the host's root can
give. No process of a box can become one of them.
"""

from __future__ import annotations

import os

_OTHERS = 2_000_000_001
_COUNT = 65_535


def give(process: int, user: int) -> str:
    """Name root and all other users of the namespace that `process` has just made.

    `user` is the host's number of the box's root; 0 where LEAP is not root itself. Return "+", or
    "-" where this is not allowed here, so that the process has to do with root alone.
    """
    if not user:
        return "-"
    table = f"0 {user} 1\n1 {_OTHERS} {_COUNT}\n"
    try:
        for name in ("gid_map", "uid_map"):
            _put(f"/proc/{process}/{name}", table)
    except OSError:
        return "-"
    return "+"


def _put(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
