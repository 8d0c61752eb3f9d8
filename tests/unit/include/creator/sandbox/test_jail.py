"""The filter of system calls, and what is left of a process in the jail."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from include.creator.sandbox import server
from include.creator.sandbox.jail import Limits, enter_jail
from include.creator.sandbox.landlock import build_attributes
from include.creator.sandbox.seccomp import ALLOW, KILL, REFUSE, UnsupportedError, build_filter
from include.settings import Settings

LIMITS = Limits(seconds=5, cpu_seconds=5, memory_mib=64)
X86, ARM = 0xC000003E, 0xC00000B7
CLONE_THREAD, SIGCHLD = 0x00010000, 17


def run_filter(machine: str, audit: int, number: int, *arguments: int) -> int:
    """What the filter says of one system call: a small interpreter of its instructions."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("IIQ6Q", number, audit, 0, *given)
    program = [struct.unpack("HBBI", line) for line in build_filter(machine)]
    position, word = 0, 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (word,) = struct.unpack_from("I", data, value)
        else:
            holds = word == value if code == 0x15 else bool(word & value)
            position += if_true if holds else if_false


@pytest.mark.parametrize(
    ("number", "arguments", "verdict"),
    [
        (0, (), ALLOW),  # read
        (41, (), REFUSE),  # socket
        (42, (), REFUSE),  # connect
        (57, (), REFUSE),  # fork
        (59, (), REFUSE),  # execve
        (62, (), REFUSE),  # kill
        (425, (), REFUSE),  # io_uring_setup
        (9_999, (), REFUSE),  # of a kernel to come
        (0x40000000, (), REFUSE),  # read of the x32 ABI
        (257, (0, 0, os.O_RDONLY), ALLOW),
        (257, (0, 0, os.O_RDWR), REFUSE),
        (257, (0, 0, os.O_RDONLY | os.O_CREAT), REFUSE),
        (56, (SIGCHLD,), REFUSE),
        (56, (SIGCHLD | CLONE_THREAD,), ALLOW),
        (9, (0, 0, 0, 0x22), ALLOW),  # private memory
        (9, (0, 0, 0, 0x21), REFUSE),  # shared memory
        (302, (0,), ALLOW),  # its own limits
        (302, (1,), REFUSE),  # those of another process
        (72, (0, 3), ALLOW),  # F_GETFL
        (72, (0, 8), REFUSE),  # F_SETOWN
        (16, (0, 0x5421), ALLOW),  # FIONBIO
        (16, (0, 0x5412), REFUSE),  # TIOCSTI
    ],
)
def test_the_filter(number: int, arguments: tuple[int, ...], verdict: int) -> None:
    assert run_filter("x86_64", X86, number, *arguments) == verdict


def test_calls_have_other_numbers_on_arm() -> None:
    assert run_filter("aarch64", ARM, 63) == ALLOW  # read
    assert run_filter("aarch64", ARM, 198) == REFUSE  # socket
    assert run_filter("aarch64", ARM, 56, 0, 0, os.O_WRONLY) == REFUSE  # openat


def test_calls_of_another_architecture_end_the_process() -> None:
    assert run_filter("x86_64", 0x40000003, 0) == KILL


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="sparc"):
        list(build_filter("sparc"))


@pytest.mark.parametrize(("version", "size_bytes"), [(1, 8), (3, 8), (4, 16), (6, 24), (7, 24)])
def test_landlock_is_given_what_its_version_knows(version: int, size_bytes: int) -> None:
    assert len(build_attributes(version)) == size_bytes


def in_jail(folder: Path, deed: Callable[[], object]) -> str:
    """What became of a deed in a jailed process: `done`, or the name of the error."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        outcome = "not jailed"
        try:
            enter_jail(str(folder), LIMITS)
            deed()
            outcome = "done"
        except BaseException as error:
            outcome = type(error).__name__
        os.write(writer, outcome.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as told:
        return told.read()


def test_what_a_jailed_process_can_do(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        (folder / "file").write_text("text")
    assert in_jail(own, (own / "file").read_text) == "done"
    assert in_jail(own, (other / "file").read_text) == "PermissionError"
    assert in_jail(own, lambda: (own / "new").write_text("x")) == "PermissionError"
    assert in_jail(own, lambda: (own / "file").unlink()) == "PermissionError"
    assert in_jail(own, lambda: os.listdir("/etc")) == "PermissionError"
    assert in_jail(own, os.fork) == "PermissionError"
    assert in_jail(own, lambda: os.kill(os.getppid(), 0)) == "PermissionError"
    assert in_jail(own, lambda: bytearray(256 * 1024 * 1024)) == "MemoryError"
    assert sorted(path.name for path in own.iterdir()) == ["file"]


def test_the_sandbox_starts_without_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "a secret")
    command = server.build_command(Settings(sandbox_cpu_seconds=7))
    told = " ".join([*command, *server.build_environment().values()])
    assert "a secret" not in told
    assert '"cpu_seconds": 7' in told
    assert "AWS_SESSION_TOKEN" not in server.build_environment()
