"""The application factory."""

from __future__ import annotations

from flask import Flask

from api.agents import agents
from api.chat import chat
from api.errors import register_error_handlers
from api.health import health
from api.uploads import StrictRequest
from include.settings import get_settings


class IntakeApp(Flask):
    """Flask that answers malformed forms with 400 instead of taking them for empty ones."""

    request_class = StrictRequest


def create_app() -> Flask:
    """Build the application; nothing is reached over the network before the first request."""
    app = IntakeApp(__name__)
    settings = get_settings()
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    app.config["MAX_FORM_PARTS"] = settings.max_documents + 20
    # Per field; the form's model then checks each field's own limit.
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.max_sop_bytes * 2
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for blueprint in (health, agents, chat):
        app.register_blueprint(blueprint)
    register_error_handlers(app)
    return app
