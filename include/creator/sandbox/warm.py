"""The sandbox itself: a process with the agent SDKs imported, that forks a jail for each caller.

It has neither credentials nor settings nor, in production, a network; server.py starts it so.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass, field

from include.creator.sandbox.harness import run_agent
from include.creator.sandbox.jail import Limits, enter_jail
from include.creator.sandbox.messages import Message, say_if_heard
from include.creator.sandbox.sdks import import_sdks
from include.creator.sandbox.seccomp import UnsupportedError

BACKLOG = 256
IDLE_SECONDS = 3600.0


@dataclass
class Child:
    """A jailed process, its connection and its folder."""

    pid: int
    handle: int  # pidfd: never a recycled pid
    connection: socket.socket
    folder: str
    deadline: float
    reason: str = ""


@dataclass
class Sandbox:
    """Accepts callers as long as there is room; ends every child by its deadline."""

    listener: socket.socket
    folder: str
    limits: Limits
    max_children: int
    children: dict[int, Child] = field(default_factory=dict)  # by pidfd and by connection
    poll: select.epoll = field(default_factory=select.epoll)

    def serve(self) -> None:
        """Serve for ever."""
        self.watch_listener(True)
        while True:
            self.handle({handle for handle, _ in self.poll.poll(self.seconds_left())})
            for child in tuple(self.children.values()):
                if time.monotonic() >= child.deadline:
                    self.end(child, f"it took longer than {self.limits.seconds:g} s")

    def handle(self, ready: set[int]) -> None:
        """End who is done, then take a caller: he may be given the numbers of what was closed."""
        listener = self.listener.fileno()
        for handle in ready - {listener}:
            if child := self.children.get(handle):
                self.end(child, "" if handle == child.handle else "its caller is gone")
        if listener in ready:
            self.accept()

    def seconds_left(self) -> float:
        """Until the next deadline."""
        deadlines = [child.deadline for child in self.children.values()]
        return max(0.0, min(deadlines, default=time.monotonic() + IDLE_SECONDS) - time.monotonic())

    def watch_listener(self, wanted: bool) -> None:
        """Take callers, or let them queue."""
        events = select.EPOLLIN if wanted else 0
        with contextlib.suppress(FileExistsError):
            self.poll.register(self.listener, 0)
        self.poll.modify(self.listener, events)

    def accept(self) -> None:
        """Fork a jail for one caller."""
        connection, _ = self.listener.accept()
        folder = tempfile.mkdtemp(dir=self.folder)
        pid = os.fork()
        if pid == 0:
            run_agent(connection, folder, self.limits)
        deadline = time.monotonic() + self.limits.seconds
        child = Child(pid, os.pidfd_open(pid), connection, folder, deadline)
        self.children |= {child.handle: child, connection.fileno(): child}
        self.poll.register(child.handle, select.EPOLLIN)
        self.poll.register(connection, select.EPOLLRDHUP)
        self.watch_listener(len(self.children) < 2 * self.max_children)

    def end(self, child: Child, reason: str) -> None:
        """Kill what is left of a child, tell its caller why it is gone, and remove its folder."""
        if child.handle not in self.children:
            return
        del self.children[child.handle], self.children[child.connection.fileno()]
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        _, status, used = os.wait4(child.pid, 0)
        message = {"ended": reason} if reason else self.explain(status, used)
        say_if_heard(child.connection, message)
        # A child just forked may hold both for a moment more: closed only, they would go on making
        # events, under numbers that others have been given since.
        self.poll.unregister(child.handle)
        self.poll.unregister(child.connection)
        child.connection.close()
        os.close(child.handle)
        shutil.rmtree(child.folder, ignore_errors=True)
        self.watch_listener(True)

    def explain(self, status: int, used: resource.struct_rusage) -> Message:
        """Why a child ended by itself, or that somebody else has killed it."""
        code = os.waitstatus_to_exitcode(status)
        cpu_seconds, limit = used.ru_utime + used.ru_stime, self.limits.cpu_seconds
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and cpu_seconds >= limit):
            return {"ended": f"it took longer than {limit} s of CPU"}
        if code == -signal.SIGKILL:
            return {"killed": True}
        return {"ended": f"it ended with status {code}"}


def main() -> None:
    """Serve on the socket whose path, with the limits, is in the JSON argument."""
    arguments = json.loads(sys.argv[1])
    import_sdks()
    gc.collect()
    gc.freeze()
    limits = Limits(**arguments["limits"])
    folder = clear_folder(f"{arguments['socket']}.trials")
    prove_jail(folder, limits)
    with open_listener(arguments["socket"]) as listener:
        Sandbox(listener, folder, limits, arguments["max_children"]).serve()


def clear_folder(folder: str) -> str:
    """An empty folder for the files on trial, whatever a killed predecessor left."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    return folder


def prove_jail(folder: str, limits: Limits) -> None:
    """Let a child enter the jail before any caller is taken; exit where the kernel cannot jail."""
    pid = os.fork()
    if pid == 0:
        try:
            enter_jail(folder, limits)
        except UnsupportedError as error:
            os.write(2, f"No code can be tried on this machine: {error}.\n".encode())
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        sys.exit(1)


def open_listener(path: str) -> socket.socket:
    """A socket at this path, for processes of the same user only."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o177)
    listener.bind(path)
    os.umask(0o077)
    listener.listen(BACKLOG)
    return listener


if __name__ == "__main__":
    main()
