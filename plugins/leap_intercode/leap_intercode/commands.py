"""How an action becomes a command: upstream's rules for quotes and for `cd`, and its messages."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Sequence
from typing import Literal

Quoting = Literal["upstream", "clean"]

MALFORMED = "Malformed command"
TIMED_OUT = "Command timed out"
SECONDS = 10.0
"""How long a command may take."""

_SHELL = "/bin/bash"


def arguments(action: str, quoting: Quoting) -> list[str] | None:
    """The program and its arguments; None where upstream would call the action malformed.

    Upstream puts the action between double quotes and has the whole split as a POSIX shell would
    split it, so that an action's own double quotes are used up before bash sees it:
    `echo "a  b"` prints `a`, with `b` as the name of the script. `clean` passes actions unchanged.
    """
    if "\0" in action:
        return None
    if quoting == "clean":
        return [_SHELL, "-c", action.strip()]
    try:
        return shlex.split(f'{_SHELL} -c "{action.strip()}"')
    except ValueError:
        return None


def changes_folder(action: str) -> bool:
    """Whether upstream takes the action for a change of the working folder."""
    return action.startswith("cd") and "cd " in action


def folder_after(action: str, workdir: str) -> str:
    """Where such an action leads, if it works: all that follows `cd ` counts as the path."""
    target = action[action.index("cd ") + 3 :].strip()
    if not target:
        return workdir
    parts: list[str] = []
    start = "" if target.startswith("/") else workdir
    for part in f"{start}/{target}".split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def not_started(stage: str, argv: Sequence[str], workdir: str, number: int) -> str:
    """What Docker says where a command cannot be started.

    Until the program is found, the engine speaks; then the process in the container does.
    """
    reason = os.strerror(number).lower()
    program = argv[0]
    if stage == "chdir":
        why = f'chdir to cwd ("{workdir}") set in config.json failed: {reason}'
    elif number == errno.ENOENT and "/" not in program:
        why = f'exec: "{program}": executable file not found in $PATH'
    elif number == errno.ENOENT:
        why = f'exec: "{program}": stat {program}: {reason}'
    elif number in (errno.EACCES, errno.EISDIR):
        why = f'exec: "{program}": {reason}'
    else:
        return f"exec {program}: {reason}\n"
    failed = "OCI runtime exec failed: exec failed: unable to start container process"
    return f"{failed}: {why}: unknown\r\n"
