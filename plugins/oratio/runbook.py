"""docs/runbook.md, by failure code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
HEADING = re.compile(r"^## `(\w+)`$", re.MULTILINE)


@cache
def read_runbook() -> dict[str, str]:
    """The text of each entry."""
    _, *parts = HEADING.split(RUNBOOK.read_text())
    return {code: text.strip() for code, text in zip(parts[::2], parts[1::2], strict=True)}
