"""A seccomp filter: system calls that no task needs and escapes do are refused (EPERM).

Where the machine's system call numbers are not known here, there is no filter, and `available`
says so; namespaces, dropped capabilities and no-new-privileges hold all the same.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from functools import cache

from leap_intercode.sandbox import syscalls

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_REFUSED = {
    # name: (x86_64, aarch64)
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
    "lookup_dcookie": (212, 18),
    "vhangup": (153, 58),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
}
_ONLY_X86 = {
    "iopl": 172,
    "ioperm": 173,
    "modify_ldt": 154,
    "uselib": 134,
    "ustat": 136,
    "sysfs": 139,
    "_sysctl": 156,
    "create_module": 174,
    "nfsservctl": 180,
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_IOCTL = {"x86_64": 16, "aarch64": 29}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_FORBIDDEN_FAMILIES = (38, 40, 44)  # AF_ALG, AF_VSOCK, AF_XDP
_NAMESPACES = 0x7E020080
"""Flags of clone that make a namespace, time namespaces included."""

_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL = 0x80000000
_NUMBER, _ARCH, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24


def available() -> bool:
    """Whether there is a filter for this machine."""
    return platform.machine() in _AUDIT_ARCH


@cache
def program() -> bytes:
    """The filter as BPF instructions; b"" where none is known."""
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        return b""
    column = 0 if machine == "x86_64" else 1
    refused = [numbers[column] for numbers in _REFUSED.values()]
    code = [
        (_LD, 0, 0, _ARCH),
        (_JEQ, 1, 0, _AUDIT_ARCH[machine]),
        (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        refused += _ONLY_X86.values()
        # The x32 interface has other numbers for the same calls.
        code += [(_JGE, 0, 1, 0x40000000), (_RET, 0, 0, _ERRNO | errno.ENOSYS)]
    for number in refused:
        code += [(_JEQ, 0, 1, number), (_RET, 0, 0, _ERRNO | errno.EPERM)]
    # glibc falls back to clone, whose flags a filter can read.
    code += [(_JEQ, 0, 1, _CLONE3), (_RET, 0, 0, _ERRNO | errno.ENOSYS)]
    code += _refuse_argument(_CLONE[machine], _ARGUMENT_0, [(_JSET, _NAMESPACES)])
    code += _refuse_argument(_IOCTL[machine], _ARGUMENT_1, [(_JEQ, _TIOCSTI), (_JEQ, _TIOCLINUX)])
    families = [(_JEQ, family) for family in _FORBIDDEN_FAMILIES]
    code += _refuse_argument(_SOCKET[machine], _ARGUMENT_0, families)
    code.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _refuse_argument(
    call: int, argument: int, tests: list[tuple[int, int]]
) -> list[tuple[int, int, int, int]]:
    """Refuse `call` where its argument (its low half) passes one of the tests."""
    body: list[tuple[int, int, int, int]] = [(_LD, 0, 0, argument)]
    for test, value in tests:
        body += [(test, 0, 1, value), (_RET, 0, 0, _ERRNO | errno.EPERM)]
    body.append((_LD, 0, 0, _NUMBER))
    return [(_JEQ, 0, len(body), call), *body]


def install(filter_program: bytes) -> None:
    """Put the filter on this process and all that come of it. Needs no-new-privileges."""
    if not filter_program:
        return
    buffer = ctypes.create_string_buffer(filter_program, len(filter_program))
    header = struct.pack("=HxxxxxxQ", len(filter_program) // 8, ctypes.addressof(buffer))
    syscalls.prctl(syscalls.PR_SET_SECCOMP, 2, ctypes.c_char_p(header))
