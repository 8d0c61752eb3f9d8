"""Who does what in the generation by a model, and which model does it."""

from __future__ import annotations

from enum import StrEnum

from include.settings import get_settings


class Role(StrEnum):
    """One kind of work; each may have a model of its own."""

    READER = "reader"
    PLANNER = "planner"
    WRITER = "writer"
    REVIEWER = "reviewer"
    REPAIRER = "repairer"


def get_model_id(role: Role) -> str:
    """The Bedrock model of a role: its own setting, else the agents' model."""
    settings = get_settings()
    own: str = getattr(settings, f"{role}_model_id")
    return own or settings.model_id
