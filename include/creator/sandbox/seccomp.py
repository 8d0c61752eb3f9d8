"""The kernel refuses every system call but those that computing and talking to us need (seccomp).

No sockets but those that are there, no files but to read, no processes, no signals to others, no
shared memory. The list is closed: what a later kernel adds is refused, too.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Iterator

PR_SET_SECCOMP = 22  # linux/prctl.h
SECCOMP_MODE_FILTER = 2

# linux/filter.h: load a 32-bit word; jump if equal, if any bit is set; return.
LOAD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS
# struct seccomp_data: number, architecture, instruction pointer, then six 64-bit arguments.
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16

# Audit number of the architecture, and where its call numbers stand in the tables below.
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# Numbers on x86_64 and on aarch64 (which has no call of its own for what -1 stands at).
FREE_CALLS: dict[str, tuple[int, int]] = {
    # what is open already, and looking at files (Landlock says which)
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "close": (3, 57), "lseek": (8, 62), "dup": (32, 23), "fstat": (5, 80), "stat": (4, -1),
    "lstat": (6, -1), "newfstatat": (262, 79), "statx": (332, 291), "access": (21, -1),
    "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, -1),
    "readlinkat": (267, 78), "getcwd": (79, 17), "getdents64": (217, 61), "fadvise64": (221, 223),
    # memory
    "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "madvise": (28, 233),
    "brk": (12, 214), "membarrier": (324, 283),
    # threads of this process, and its own signal handlers
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128), "futex": (202, 98),
    "set_robust_list": (273, 99), "get_robust_list": (274, 100), "rseq": (334, 293),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "exit": (60, 93),
    "exit_group": (231, 94), "set_tid_address": (218, 96),
    # waiting
    "poll": (7, -1), "ppoll": (271, 73), "select": (23, -1), "pselect6": (270, 72),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, -1),
    "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441), "eventfd2": (290, 19),
    "pipe2": (293, 59),
    # the connection to the caller, and pairs that lead nowhere else (asyncio wakes itself by one)
    "socketpair": (53, 199), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211),
    "recvmsg": (47, 212), "shutdown": (48, 210), "getsockopt": (55, 209), "setsockopt": (54, 208),
    "getsockname": (51, 204), "getpeername": (52, 205),
    # who and when
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getrandom": (318, 278),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, -1), "times": (100, 153),
    "getrusage": (98, 165), "uname": (63, 160), "sysinfo": (99, 179),
}  # fmt: skip

OPEN_TO_WRITE = 0x400243  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE
MAP_SHARED = 0x01
CLONE_THREAD = 0x00010000

# (numbers, index of the argument): refused if any of these bits is set.
REFUSED_BITS = {
    "open": ((2, -1), 1, OPEN_TO_WRITE),
    "openat": ((257, 56), 2, OPEN_TO_WRITE),
    "mmap": ((9, 222), 3, MAP_SHARED),  # shared memory would escape RLIMIT_DATA
}
# Allowed only if this bit is set: a new thread, never a new process.
NEEDED_BITS = {"clone": ((56, 220), 0, CLONE_THREAD)}
# Allowed only with one of these values: F_SETOWN, FIOSETOWN and the like would send signals.
ALLOWED_VALUES = {
    "fcntl": ((72, 25), 1, (0, 1, 2, 3, 4, 1030)),  # F_DUPFD ... F_SETFL, F_DUPFD_CLOEXEC
    "ioctl": ((16, 29), 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),  # TCGETS ... FIOCLEX
    "prlimit64": ((302, 261), 0, (0,)),  # the limits of this process only
}
CLONE3 = (435, 435)  # its flags lie in memory; glibc takes clone when it is "unknown"


class UnsupportedError(Exception):
    """The kernel or the machine lacks what the jail is made of; the message says what."""


def refuse_other_calls() -> None:
    """Install the filter for this thread and all that it starts; it cannot be taken off again.

    The process must have set no_new_privs. Raises UnsupportedError.
    """
    program = b"".join(build_filter(platform.machine()))
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count, padding, a pointer.
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0):
        raise UnsupportedError(f"the kernel takes no seccomp filter (errno {ctypes.get_errno()})")


def build_filter(machine: str) -> Iterator[bytes]:
    """The filter's instructions, in the kernel's form."""
    if machine not in ARCHITECTURES:
        raise UnsupportedError(f"there is no list of system calls for {machine}")
    audit_number, column = ARCHITECTURES[machine]
    yield instruction(LOAD, ARCHITECTURE)
    yield instruction(JUMP_IF_EQUAL, audit_number, 1, 0)
    yield instruction(RETURN, KILL)
    yield instruction(LOAD, NUMBER)
    for numbers in FREE_CALLS.values():
        yield from on_call(numbers[column], [instruction(RETURN, ALLOW)])
    for numbers, index, bits in REFUSED_BITS.values():
        yield from on_call(numbers[column], check_bits(index, bits, REFUSE, ALLOW))
    for numbers, index, bits in NEEDED_BITS.values():
        yield from on_call(numbers[column], check_bits(index, bits, ALLOW, REFUSE))
    for numbers, index, values in ALLOWED_VALUES.values():
        yield from on_call(numbers[column], check_values(index, values))
    yield from on_call(CLONE3[column], [instruction(RETURN, UNKNOWN)])
    yield instruction(RETURN, REFUSE)


def on_call(number: int, then: list[bytes]) -> Iterator[bytes]:
    """Do this on one call; `then` must return. Nothing for a call that does not exist."""
    if number >= 0:
        yield instruction(JUMP_IF_EQUAL, number, 0, len(then))
        yield from then


def check_bits(index: int, bits: int, if_set: int, if_not: int) -> list[bytes]:
    """Return one of two verdicts by any of these bits in the argument."""
    return [
        instruction(LOAD, ARGUMENTS + 8 * index),
        instruction(JUMP_IF_SET, bits, 0, 1),
        instruction(RETURN, if_set),
        instruction(RETURN, if_not),
    ]


def check_values(index: int, values: tuple[int, ...]) -> list[bytes]:
    """Allow the argument's listed values (its low word: kernel structures take no more)."""
    compare = [instruction(JUMP_IF_EQUAL, v, len(values) - n, 0) for n, v in enumerate(values)]
    verdicts = [instruction(RETURN, REFUSE), instruction(RETURN, ALLOW)]
    return [instruction(LOAD, ARGUMENTS + 8 * index), *compare, *verdicts]


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """struct sock_filter."""
    return struct.pack("HBBI", code, if_true, if_false, value)
