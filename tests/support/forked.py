"""Run a function in a forked process: a real process to kill, without importing torch again."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path


def forked(work: Callable[[], object], stderr: Path) -> int:
    """Exit status of `work` as `os.waitpid` gives it; a traceback goes to `stderr`."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        stderr.write_text(traceback.format_exc())
    os._exit(code)
