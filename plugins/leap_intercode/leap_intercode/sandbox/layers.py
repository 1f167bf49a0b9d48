"""Trees on disk, as read-only layers below a box's own files.

A folder on disk has the sizes that tasks about disk usage see in a container; on a tmpfs it has
not. Layers live in a temporary folder of the zygote's and go with it; since files in them have
ages, each is used for some hours only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from typing import Any

from leap_intercode.sandbox import root

_PREFIX = "leap-intercode-"
_KEPT = 6 * 3600.0


class Layers:
    """The layers of one zygote."""

    def __init__(self) -> None:
        self._folder = ""
        self._made: dict[str, tuple[str, float]] = {}

    def path(self, tree: list[list[Any]], user: int) -> str:
        """The folder that holds `tree`, owned by `user` (0: whoever runs this)."""
        key = hashlib.sha256(json.dumps([tree, user]).encode()).hexdigest()[:16]
        if key not in self._made:
            self._forget_old()
            if not self._folder:
                self._folder = tempfile.mkdtemp(prefix=_PREFIX)
                os.chmod(self._folder, 0o711)  # noqa: S103 - boxes look through it, not into it
            path = f"{self._folder}/{key}"
            os.mkdir(path, 0o755)
            root.plant(path, tree)
            if user:
                _give(path, user)
            self._made[key] = (path, time.monotonic())
        return self._made[key][0]

    def remove(self) -> None:
        """Remove all of them."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _forget_old(self) -> None:
        for key, (path, made) in list(self._made.items()):
            if time.monotonic() - made > _KEPT:
                shutil.rmtree(path, ignore_errors=True)
                del self._made[key]


def _give(path: str, user: int) -> None:
    os.chown(path, user, user)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(f"{folder}/{name}", user, user, follow_symlinks=False)
