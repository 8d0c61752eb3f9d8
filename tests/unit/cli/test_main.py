"""Global options stand where the user puts them."""

from __future__ import annotations

import pytest

from cli.main import move_to_front


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        (["list"], ["list"]),
        (["list", "--json"], ["--json", "list"]),
        (["--json", "list"], ["--json", "list"]),
        (["show", "a1", "--url", "http://x"], ["--url", "http://x", "show", "a1"]),
        (["show", "--url=http://x", "a1"], ["--url=http://x", "show", "a1"]),
        (["list", "--url"], ["--url", "list"]),
        (["chat", "a1", "--", "--json"], ["chat", "a1", "--", "--json"]),
        (["create", "docs", "--name", "N"], ["create", "docs", "--name", "N"]),
    ],
)
def test_global_options_move_to_the_front(typed, parsed):
    assert move_to_front(typed) == parsed
