"""moto's list of every object it ever made, kept empty.

It feeds moto's dashboard, and lets nothing go: each DynamoDB transaction copies its tables, so the
memory of a stand-in with some hundred agents would grow by megabytes with every request.
"""

from __future__ import annotations

from typing import Any

from moto.core.common_models import BaseModel


def forget_instances() -> None:
    """Let go of what is no longer used; a second call changes nothing."""
    BaseModel.__new__ = create_untracked  # type: ignore[method-assign, assignment]


def create_untracked(cls: type[BaseModel], *arguments: Any, **options: Any) -> BaseModel:
    """What `BaseModel.__new__` does, but for the list."""
    return object.__new__(cls)
