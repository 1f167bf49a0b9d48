"""Keeps one server alive for as long as its own input is open, then ends it and its folder.

    python -m leap_intercode.sql.keeper FOLDER COMMAND …

The process that reads SQL's answers holds the other end of the input: when it ends, however it
ends, the input closes, the server is ended and the folder removed.
"""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import signal
import subprocess
import sys

_PARENT_DEATH = 1


def _with_parent() -> None:
    """Have the kernel end this process with the keeper."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)


def main() -> None:
    """Run the command until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder, command = sys.argv[1], sys.argv[2:]
    user = {"user": "nobody"} if command[:1] == ["--as-nobody"] else {}
    process = subprocess.Popen(
        command[1:] if user else command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_with_parent,
        **user,  # type: ignore[call-overload]
    )
    sys.stdin.buffer.read()
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
