"""Text from outside is shown as text."""

from __future__ import annotations

import pytest

from cli.output import format_bytes, to_text


def test_markup_and_control_characters_are_only_text():
    assert to_text("[red]a[/red]\x1b[2J\x9b\r\nb\tc\u00a0d").plain == (
        "[red]a[/red]\ufffd[2J\ufffd\ufffd\nb\tc\u00a0d"
    )


def test_nothing_is_shown_as_nothing():
    assert to_text(None).plain == ""
    assert to_text(0).plain == "0"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (52_428_800, "52.4 MB"), (3e12, "3000.0 GB")],
)
def test_sizes_are_short(size, text):
    assert format_bytes(size) == text
