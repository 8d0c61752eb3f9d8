"""The kernel hides every file but those below a few folders, which can only be read (Landlock)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from include.creator.sandbox.seccomp import UnsupportedError

# linux/landlock.h; the numbers are the same on all architectures.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
# How many kinds of file access, network access and scopes each version of Landlock knows.
FILE_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
NETWORK_FROM_VERSION, NETWORK_ACCESSES = 4, 0b11  # bind and connect, TCP
SCOPES_FROM_VERSION, SCOPES = 6, 0b11  # abstract UNIX sockets and signals


def hide_files(readable: Iterable[str]) -> None:
    """Leave this process nothing but reading below these folders; raises UnsupportedError.

    The process must have set no_new_privs.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)
    if version < 1:
        raise UnsupportedError("the kernel has no Landlock (Linux 5.13, or it is switched off)")
    attributes = build_attributes(version)
    ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    for folder in readable:
        allow_reading(libc, ruleset, folder)
    if ruleset < 0 or libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise UnsupportedError(f"Landlock refuses its rules (errno {ctypes.get_errno()})")
    os.close(ruleset)


def build_attributes(version: int) -> bytes:
    """struct landlock_ruleset_attr: all that this version can forbid."""
    files = (1 << FILE_ACCESSES.get(version, 16)) - 1
    attributes = struct.pack("Q", files)
    if version >= NETWORK_FROM_VERSION:
        attributes += struct.pack("Q", NETWORK_ACCESSES)
    if version >= SCOPES_FROM_VERSION:
        attributes += struct.pack("Q", SCOPES)
    return attributes


def allow_reading(libc: ctypes.CDLL, ruleset: int, folder: str) -> None:
    """Add a rule: what lies below the folder may be read and listed."""
    handle = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", READ_FILE | READ_DIR, handle)  # packed, as the kernel has it
        if libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0):
            raise UnsupportedError(f"Landlock refuses {folder} (errno {ctypes.get_errno()})")
    finally:
        os.close(handle)
