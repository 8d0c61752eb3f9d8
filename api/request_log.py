"""Every request gets an id, one line in the log, and its place in the metrics."""

from __future__ import annotations

import logging
import time

import structlog
from flask import Flask, Response, g, request

from api.metrics import count_request
from include.request_ids import (
    MAX_LOGGED_CHARACTERS,
    OPERATIONS_PATHS,
    REQUEST_ID,
    choose_request_id,
)

log = logging.getLogger(__name__)


def register_request_log(app: Flask) -> None:
    """Attach to the application; before all else, so that refusals are covered, too."""
    app.before_request(start_request)
    app.after_request(end_request)


def start_request() -> None:
    """Take the caller's request id if it is a sane one; every log line then carries it."""
    g.request_id = choose_request_id(request.headers.get(REQUEST_ID, ""))
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def end_request(response: Response) -> Response:
    """Log and count; a streamed answer counts until its first byte."""
    response.headers[REQUEST_ID] = g.request_id
    seconds = time.monotonic() - g.started
    route = request.url_rule.rule if request.url_rule else "unmatched"
    count_request(request.method, route, response.status_code, seconds)
    if route not in OPERATIONS_PATHS:
        log_request(route, response.status_code, seconds)
    return response


def log_request(route: str, status: int, seconds: float) -> None:
    """One line, of names and numbers only: no query, no header, no body."""
    facts = {
        "request_id": g.request_id,
        "user_id": g.get("user_id"),
        "agent_id": find_agent_id(),
        "method": request.method[:MAX_LOGGED_CHARACTERS],
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "address": request.remote_addr,
    }
    log.info("request", extra=facts)


def find_agent_id() -> str | None:
    """The agent the request is about; a caller may have typed anything there."""
    agent_id = (request.view_args or {}).get("agent_id") or g.get("agent_id")
    return str(agent_id)[:MAX_LOGGED_CHARACTERS] if agent_id else None
