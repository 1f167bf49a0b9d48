"""What a command is allowed: limits on resources, hardly any privileges, a filter on calls."""

from __future__ import annotations

import os
import resource
from typing import Any

from leap_intercode.sandbox import seccomp, syscalls

# Relative to the box's own user namespace: they reach the box's own files and processes only.
_CAPABILITIES = (
    syscalls.CAP_CHOWN,
    syscalls.CAP_DAC_OVERRIDE,
    syscalls.CAP_FOWNER,
    syscalls.CAP_FSETID,
    syscalls.CAP_KILL,
)

_PENDING_SIGNALS = 256
"""Also of timers, which count with them."""


def confine(limits: dict[str, Any], filter_program: bytes) -> None:
    """Confine this process, and all that come of it, for good. Called just before exec."""
    for name, value in (
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, _PENDING_SIGNALS),
        (resource.RLIMIT_RTPRIO, 0),
    ):
        ceiling = resource.getrlimit(name)[1]
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(name, (value, value))
    os.umask(0o022)
    syscalls.keep_capabilities(_CAPABILITIES)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(filter_program)
