"""What a process gives up before it runs generated code. docs/adr/0012 says why each of these."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sysconfig
from dataclasses import dataclass

from include.creator.sandbox.landlock import hide_files
from include.creator.sandbox.seccomp import UnsupportedError, refuse_other_calls

MEBIBYTE = 1024 * 1024
MAX_OPEN_FILES = 64
# linux/prctl.h, linux/sched.h, linux/capability.h
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWIPC = 0x40000000, 0x10000000, 0x08000000
CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Limits:
    """How much one piece of code may use; `seconds` is by the clock, all else by the kernel."""

    seconds: float
    cpu_seconds: int
    memory_mib: int  # beyond what the warm process has


def enter_jail(folder: str, limits: Limits) -> None:
    """Give up everything but computing, reading `folder` and the libraries, and open sockets.

    Cannot be undone. Raises UnsupportedError where the kernel lacks a part: no code is run then.
    """
    leave_namespaces()
    drop_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    limit_resources(limits)
    hide_files([folder, *list_libraries()])
    refuse_other_calls()


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prctl(option: int, value: int) -> None:
    """Set one property of this process; raises UnsupportedError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise UnsupportedError(f"prctl {option} failed (errno {ctypes.get_errno()})")


def leave_namespaces() -> bool:
    """Enter a network of its own, without any interface; False where that is not permitted.

    A second wall: without it the filter of system calls is what keeps the network out.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0)


def drop_capabilities() -> None:
    """Give up what root, or the owner of a namespace, may do; raises UnsupportedError."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    nothing = bytes(24)  # effective, permitted and inheritable, twice 32 bits each
    if libc.capset(header, nothing):
        raise UnsupportedError(f"capabilities stay (errno {ctypes.get_errno()})")


def limit_resources(limits: Limits) -> None:
    """Set the kernel's limits; no file can be written at all."""
    memory = count_data_bytes() + limits.memory_mib * MEBIBYTE
    for kind, value in {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }.items():
        resource.setrlimit(kind, (value, value))
    # SIGXCPU at the first, which tells why it ended; SIGKILL at the second, if that is ignored.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))


def count_data_bytes() -> int:
    """What the kernel counts against RLIMIT_DATA already."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[5]) * resource.getpagesize()


def list_libraries() -> list[str]:
    """Folders of Python's own and of installed modules, some of which are imported on first use."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {os.path.realpath(sysconfig.get_path(name)) for name in names}
    return sorted(folder for folder in found if os.path.isdir(folder))
