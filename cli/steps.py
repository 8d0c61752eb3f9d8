"""The steps of a creation, for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.table import Table

from cli.output import build_table, to_status


def list_steps(agent: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The steps in the order in which they started."""
    return sorted(agent["steps"].items(), key=lambda item: str(item[1]["startedAt"]))


def build_steps(agent: dict[str, Any]) -> Table:
    """The steps as a table."""
    rows = [
        [name, to_status(step["status"]), describe_attempt(step), format_duration(step)]
        for name, step in list_steps(agent)
    ]
    return build_table(["STEP", "STATE", "", "SECONDS"], rows)


def describe_attempt(step: dict[str, Any]) -> str:
    """Which attempt it is, if not the first."""
    return f" (attempt {step['attempt']})" if step["attempt"] > 1 else ""


def format_duration(step: dict[str, Any]) -> str:
    """How long a finished step took, its waits included."""
    if not step.get("endedAt"):
        return ""
    start, end = (datetime.fromisoformat(step[name]) for name in ("startedAt", "endedAt"))
    return f"{(end - start).total_seconds():.1f}"
