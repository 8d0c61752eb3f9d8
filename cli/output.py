"""Results on stdout, everything else on stderr; text from outside never moves the cursor."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

# A pipe has no width: lines are not cut there.
PIPE_WIDTH = 1000

results = Console(
    soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH
)
notes = Console(stderr=True, soft_wrap=True, highlight=False)

STATUS_STYLES = {
    "active": "green",
    "ready": "green",
    "succeeded": "green",
    "indexed": "green",
    "failed": "red",
    "error": "red",
    "creating": "yellow",
    "running": "yellow",
    "waiting": "yellow",
}


def print_result(data: Any, view: RenderableType, as_json: bool) -> None:
    """Print the data for a program, or its view for a person."""
    if as_json:
        print_json(data)
    else:
        results.print(view)


def print_json(data: Any, indent: int | None = 2) -> None:
    """Print one JSON document, in ASCII: right in every locale."""
    print(json.dumps(data, indent=indent), flush=True)


def print_note(message: str) -> None:
    """Tell the person at the terminal something that is no result."""
    notes.print(to_text(message))


def to_text(content: object, style: str = "") -> Text:
    """Text as it is: no markup, no control characters that a document could smuggle in."""
    kept = "\n\t"
    text = "" if content is None else str(content)
    safe = (c if c in kept or unicodedata.category(c) != "Cc" else "\ufffd" for c in text)
    return Text("".join(safe), style)


def to_status(status: str) -> Text:
    """A status in its color."""
    return to_text(status, STATUS_STYLES.get(status, ""))


def build_table(headings: list[str], rows: list[list[Any]]) -> Table:
    """A plain table, which grep and awk can read as well."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else to_text(cell) for cell in row))
    return table


def build_fields(fields: dict[str, Any]) -> Table:
    """Names and values, one a line; what has no value is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value is not None:
            table.add_row(name, value if isinstance(value, Text) else to_text(value))
    return table


def stack_views(*views: RenderableType) -> Group:
    """Views one below the other, with an empty line between."""
    spaced = [part for view in views for part in (view, Text())]
    return Group(*spaced[:-1])


def format_bytes(size: int) -> str:
    """A size as people read it."""
    amount = float(size)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
