"""Which child an event of the sandbox's is about."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import time
from types import SimpleNamespace

import pytest

from include.creator.sandbox import warm
from include.creator.sandbox.jail import Limits
from include.creator.sandbox.warm import Child, Sandbox

LISTENER, CONNECTION, PROCESS = 3, 5, 7


class Script(Sandbox):
    """A sandbox whose children are numbers; new ones get those that were given back."""

    def put(self, name: str) -> None:
        child = Child(0, PROCESS, SimpleNamespace(fileno=lambda: CONNECTION), name, 0.0)  # type: ignore[arg-type]
        self.children |= {PROCESS: child, CONNECTION: child}

    def accept(self) -> None:
        self.put("new")

    def end(self, child: Child, reason: str) -> None:
        self.ended = [*getattr(self, "ended", []), child.folder]
        del self.children[PROCESS], self.children[CONNECTION]


def test_a_new_child_is_not_taken_for_the_one_whose_numbers_it_got():
    listener = SimpleNamespace(fileno=lambda: LISTENER)
    sandbox = Script(listener, "", Limits(1, 1, 1), 4)  # type: ignore[arg-type]
    sandbox.put("old")
    sandbox.handle({CONNECTION, LISTENER, PROCESS})
    assert sandbox.ended == ["old"]
    assert sandbox.children[PROCESS].folder == "new"


# -- real processes --------------------------------------------------------------------------------
class Callers:
    """Callers of a sandbox whose children only sleep, and keep open what they were forked with."""

    def __init__(self, path: str, sandbox: Sandbox) -> None:
        self.path, self.sandbox = path, sandbox

    def connect(self) -> socket.socket:
        caller = socket.socket(socket.AF_UNIX)
        caller.connect(self.path)
        self.go_on()
        return caller

    def go_on(self) -> None:
        self.sandbox.handle({handle for handle, _ in self.sandbox.poll.poll(0.2)})

    @property
    def children(self) -> list[Child]:
        return list({child.pid: child for child in self.sandbox.children.values()}.values())


@pytest.fixture
def callers(tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "run_agent", lambda *_: (time.sleep(60), os._exit(0)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        sandbox = Sandbox(listener, str(tmp_path), Limits(60, 10, 1), 4)
        sandbox.watch_listener(True)
        callers = Callers(str(tmp_path / "socket"), sandbox)
        yield callers
        for child in callers.children:
            sandbox.end(child, "the test is over")


def test_an_event_of_one_that_was_ended_is_not_taken_for_another_s(callers):
    with callers.connect(), callers.connect():  # whose process holds what the first one has
        os.kill(callers.children[0].pid, signal.SIGKILL)
        callers.go_on()
        with callers.connect():
            for _ in range(3):
                callers.go_on()
            assert len(callers.children) == 2


def test_one_that_was_killed_from_outside_is_not_blamed_on_the_code(callers):
    with callers.connect() as caller:
        os.kill(callers.children[0].pid, signal.SIGKILL)
        callers.go_on()
        assert json.loads(caller.recv(1000)) == {"killed": True}


@pytest.mark.parametrize("action", [signal.SIG_DFL, signal.SIG_IGN])
def test_one_that_has_used_up_its_cpu_is_told_so(callers, monkeypatch, action):
    def burn(*_):
        signal.signal(signal.SIGXCPU, action)
        resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
        while True:
            pass

    monkeypatch.setattr(warm, "run_agent", burn)
    callers.sandbox.limits = Limits(60, 1, 1)
    with callers.connect() as caller:
        while callers.children:
            callers.go_on()
        assert json.loads(caller.recv(1000)) == {"ended": "it took longer than 1 s of CPU"}
