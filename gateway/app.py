"""The application factory."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from gateway.chat import chat
from gateway.openai_chat import complete_chat, list_models
from gateway.operations import check_health, check_readiness, get_metrics
from gateway.problems import HANDLERS
from gateway.request_log import RequestLog
from gateway.services import open_services
from gateway.voice import talk
from include.settings import get_settings
from include.tokens import check_identity_settings

ROUTES = [
    Route("/health", check_health),
    Route("/livez", check_health),
    Route("/readyz", check_readiness),
    Route("/metrics", get_metrics),
    Route("/agents/{agent_id}/chat", chat, methods=["POST"]),
    Route("/agents/{agent_id}/v1/chat/completions", complete_chat, methods=["POST"]),
    Route("/agents/{agent_id}/v1/models", list_models),
    WebSocketRoute("/agents/{agent_id}", talk),
]


def create_app() -> Starlette:
    """Build the application; nothing is reached over the network before the first request."""
    check_identity_settings(get_settings())
    return Starlette(
        routes=ROUTES,
        middleware=[Middleware(RequestLog)],
        exception_handlers=HANDLERS,
        lifespan=open_services,
    )
