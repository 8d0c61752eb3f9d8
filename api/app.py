"""The application factory."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import BaseConverter

from api.agents import agents
from api.chat import chat
from api.documentation import documentation
from api.documents import agent_documents
from api.errors import register_error_handlers
from api.events import agent_events
from api.handoffs import handoff_routes
from api.health import health
from api.keys import agent_keys
from api.knowledge_bases import knowledge_bases
from api.lifecycle import agent_lifecycle
from api.limits import register_limiter
from api.metrics import metrics
from api.prepared import prepared
from api.request_log import register_request_log
from api.sessions import agent_sessions
from api.versions import agent_versions
from api.webhooks import webhook_routes
from include.settings import get_settings
from include.tokens import check_identity_settings
from include.webhooks.addresses import check_webhook_settings


class Segment(BaseConverter):
    """A part of a path; what follows a colon is a verb of ours, as in `agents/{id}:retry`."""

    regex = "[^/:]+"


def create_app() -> Flask:
    """Build the application; nothing is reached over the network before the first request."""
    settings = get_settings()
    check_identity_settings(settings)
    check_webhook_settings(settings)
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["default"] = Segment
    # A submission, which is streamed, sets its own limit.
    app.config["MAX_CONTENT_LENGTH"] = settings.max_json_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.otel_exporter_otlp_endpoint:
        from api.tracing import register_tracing  # heavy, so for those who want it only

        register_tracing(app)
    register_request_log(app)
    register_limiter(app, settings)
    agent_routes = (prepared, agent_lifecycle, agent_versions, agent_documents, agent_events)
    conversation_routes = (agent_keys, agent_sessions, handoff_routes, webhook_routes)
    tenant_routes = (agents, knowledge_bases, chat, *agent_routes, *conversation_routes)
    for blueprint in (health, metrics, documentation, *tenant_routes):
        app.register_blueprint(blueprint)
    register_error_handlers(app)
    return app
