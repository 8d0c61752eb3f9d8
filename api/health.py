"""Whether this process serves."""

from __future__ import annotations

from flask import Blueprint

health = Blueprint("health", __name__)


@health.get("/health")
def check_health() -> dict[str, str]:
    """Answer while the process is alive."""
    return {"status": "ok"}
