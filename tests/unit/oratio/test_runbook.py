"""Every failure code has an entry in the runbook, and every entry a code."""

from __future__ import annotations

import pytest

from include.errors import OratioError
from include.steps import RUN_STOPPED, RUN_TIMED_OUT
from oratio.runbook import read_runbook

PARTS = ("**Means.**", "**The tenant sees**", "**Check**", "**Do:**")


def list_codes(error: type[OratioError] = OratioError) -> set[str]:
    """The codes of include/errors.py."""
    ours = {error.code} if error.__module__ == "include.errors" else set()
    return ours.union(*(list_codes(kind) for kind in error.__subclasses__()))


def test_no_code_without_an_entry_and_no_entry_without_a_code():
    codes = list_codes() | {RUN_STOPPED.code, RUN_TIMED_OUT.code}
    assert read_runbook().keys() == codes


@pytest.mark.parametrize("code", sorted(list_codes()))
def test_an_entry_says_what_it_means_what_is_seen_and_what_to_do(code):
    text = " ".join(read_runbook()[code].split())
    positions = [text.replace("**Check,", "**Check**").find(part) for part in PARTS]
    assert positions == sorted(positions)
    assert -1 not in positions


def test_entries_are_in_order():
    assert list(read_runbook()) == sorted(read_runbook())
