"""Which child an event of the sandbox's is about."""

from __future__ import annotations

from types import SimpleNamespace

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
