"""The figures of the runs under faults, printed as Markdown tables at the end."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

TABLES: dict[str, tuple[str, list[str]]] = {}


def add_row(table: str, columns: str, *cells: object) -> None:
    """Add a row to a table; `columns` is its header, the same for all its rows."""
    _, rows = TABLES.setdefault(table, (columns, []))
    rows.append("| " + " | ".join(map(str, cells)) + " |")
    print(rows[-1])


def render_tables() -> str:
    """All tables so far."""
    parts = []
    for name, (columns, rows) in TABLES.items():
        rule = "|".join(["---"] * (columns.count("|") - 1))
        parts.append("\n".join([f"## {name}", "", columns, f"|{rule}|", *rows, ""]))
    return "\n".join(parts)


def p50(values: Iterable[float]) -> str:
    """The median, in whole seconds."""
    numbers = list(values)
    return f"{statistics.median(numbers):.0f}" if numbers else "-"


def p95(values: Iterable[float]) -> str:
    """The value that 95 of 100 do not exceed, in whole seconds."""
    numbers = sorted(values)
    return f"{numbers[max(0, -(-len(numbers) * 95 // 100) - 1)]:.0f}" if numbers else "-"
