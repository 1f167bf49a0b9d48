"""A seccomp filter: system calls that ordinary programs make are let through, all others refused.

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
from leap_intercode.sandbox.calls import ALLOWED

Instruction = tuple[int, int, int, int]

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FIRST_UNKNOWN = 457
"""Numbers from here on are newer than this list: programs try others where they do not exist."""
_CLONE3 = 435
_X32 = 0x40000000
"""The x32 interface has other numbers for the same calls."""

# name: (x86_64, aarch64)
_SET_ATTRIBUTES = {"setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7)}
_NOTHING_TO_DO = {"sync": (162, 81), "syncfs": (306, 267)}
"""All of a box's files are in memory."""
_CLONE, _IOCTL, _SOCKET, _SOCKETPAIR = (56, 220), (16, 29), (41, 198), (53, 199)
_FCNTL, _PERSONALITY, _MMAP = (72, 25), (135, 92), (9, 222)

_TIOCSTI, _TIOCLINUX, _F_SETPIPE_SZ = 0x5412, 0x541C, 1031
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_PERSONALITIES = (0, 8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF)
_MAP_SHARED = 1
_NAMESPACES = 0x7E020080
"""Flags of clone that make a namespace, time namespaces included."""

_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL = 0x80000000
_NUMBER, _ARCH, _ARGUMENT_0, _ARGUMENT_1, _ARGUMENT_3 = 0, 4, 16, 24, 40
_REFUSE: Instruction = (_RET, 0, 0, _ERRNO | errno.EPERM)


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
    code: list[Instruction] = [
        (_LD, 0, 0, _ARCH),
        (_JEQ, 1, 0, _AUDIT_ARCH[machine]),
        (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += _answer(_JGE, _X32, errno.ENOSYS)
    # glibc falls back to clone, whose flags a filter can read.
    code += _answer(_JEQ, _CLONE3, errno.ENOSYS)
    code += _answer(_JGE, _FIRST_UNKNOWN, errno.ENOSYS)
    for numbers in _SET_ATTRIBUTES.values():
        code += _answer(_JEQ, numbers[column], errno.ENOTSUP)
    for numbers in _NOTHING_TO_DO.values():
        code += _answer(_JEQ, numbers[column], 0)
    code += _refuse_if(_CLONE[column], _ARGUMENT_0, _JSET, (_NAMESPACES,))
    code += _refuse_if(_IOCTL[column], _ARGUMENT_1, _JEQ, (_TIOCSTI, _TIOCLINUX))
    code += _refuse_if(_FCNTL[column], _ARGUMENT_1, _JEQ, (_F_SETPIPE_SZ,))
    # What is mapped shared can be held without a trace of it in any process; programs that are told
    # ENODEV read the file instead.
    no_device = (_RET, 0, 0, _ERRNO | errno.ENODEV)
    code += _refuse_if(_MMAP[column], _ARGUMENT_3, _JSET, (_MAP_SHARED,), no_device)
    code += _refuse_unless(_SOCKET[column], _FAMILIES)
    code += _refuse_unless(_SOCKETPAIR[column], _FAMILIES[:1])
    code += _refuse_unless(_PERSONALITY[column], _PERSONALITIES)
    for first, last in _ranges(numbers_allowed(column)):
        # The ranges go up: what lies below one lies in none.
        code += [(_JGE, 1, 0, first), _REFUSE, (_JGE, 1, 0, last + 1), (_RET, 0, 0, _ALLOW)]
    code.append(_REFUSE)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def numbers_allowed(column: int) -> list[int]:
    """The numbers of the calls that are let through, on x86-64 (0) or arm64 (1)."""
    found = (word.split(":")[1:][column] for word in ALLOWED)
    return sorted(int(number) for number in found if number != "-")


def _ranges(numbers: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _answer(test: int, number: int, error: int) -> list[Instruction]:
    """Answer calls of this number (or from it on) with an error; 0 is success."""
    return [(test, 0, 1, number), (_RET, 0, 0, _ERRNO | error)]


def _refuse_if(
    call: int, argument: int, test: int, values: tuple[int, ...], refusal: Instruction = _REFUSE
) -> list[Instruction]:
    """Refuse `call` where its argument (its low half) passes one of the tests."""
    body: list[Instruction] = [(_LD, 0, 0, argument)]
    for value in values:
        body += [(test, 0, 1, value), refusal]
    body.append((_LD, 0, 0, _NUMBER))
    return [(_JEQ, 0, len(body), call), *body]


def _refuse_unless(call: int, values: tuple[int, ...]) -> list[Instruction]:
    """Let `call` through where its first argument is one of these."""
    body: list[Instruction] = [(_LD, 0, 0, _ARGUMENT_0)]
    for value in values:
        body += [(_JEQ, 0, 1, value), (_RET, 0, 0, _ALLOW)]
    body.append(_REFUSE)
    return [(_JEQ, 0, len(body), call), *body]


def install(filter_program: bytes) -> None:
    """Put the filter on this process and all that come of it. Needs no-new-privileges."""
    if not filter_program:
        return
    buffer = ctypes.create_string_buffer(filter_program, len(filter_program))
    header = struct.pack("=HxxxxxxQ", len(filter_program) // 8, ctypes.addressof(buffer))
    syscalls.prctl(syscalls.PR_SET_SECCOMP, 2, ctypes.c_char_p(header))
