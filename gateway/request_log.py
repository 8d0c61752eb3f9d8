"""Every request gets an id, one line in the log, and its place in the metrics.

The line has names and numbers, no header and no body.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.operations import count_request
from include.request_ids import (
    MAX_LOGGED_CHARACTERS,
    OPERATIONS_PATHS,
    REQUEST_ID,
    choose_request_id,
)

log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log it once it has been answered."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = choose_request_id(Headers(scope=scope).get(REQUEST_ID, ""))
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        exchange = Exchange(send, request_id)
        try:
            await self.app(scope, receive, exchange.send)
        finally:
            exchange.count(scope)
            if scope["path"] not in OPERATIONS_PATHS:
                exchange.log(scope, state)


class Exchange:
    """One request on its way: its status, and when the first part of its answer left."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.send_on, self.request_id = send, request_id
        self.started_at = time.monotonic()
        self.first_at: float | None = None
        self.header = (REQUEST_ID.lower().encode(), request_id.encode())
        self.status = 0  # or the close code of a WebSocket, 101 when its client closed it

    async def send(self, message: Message) -> None:
        """Note what passes."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self.request_id
        elif message["type"] == "websocket.accept":
            self.status = 101
            message["headers"] = [*message.get("headers", []), self.header]
        elif message["type"] == "websocket.close":
            self.status = message["code"]
        elif self.first_at is None:
            self.first_at = time.monotonic()
        await self.send_on(message)

    def count(self, scope: Scope) -> None:
        """One request more in the metrics."""
        seconds = None if self.first_at is None else self.first_at - self.started_at
        count_request(name_route(scope), self.status, seconds)

    def log(self, scope: Scope, state: dict[str, Any]) -> None:
        """One line."""
        agent_id = scope.get("path_params", {}).get("agent_id")
        facts = {
            "user_id": state.get("user_id"),
            "key_id": state.get("key_id"),
            "agent_id": agent_id and agent_id[:MAX_LOGGED_CHARACTERS],
            "method": scope.get("method", "WEBSOCKET")[:MAX_LOGGED_CHARACTERS],
            "route": name_route(scope),
            "status": self.status,
            "is_gone": state.get("is_gone", False),
            "first_ms": self.count_milliseconds(self.first_at),
            "duration_ms": self.count_milliseconds(time.monotonic()),
            "address": scope["client"][0] if scope.get("client") else None,
        }
        log.info("request", extra=facts)

    def count_milliseconds(self, until: float | None) -> float | None:
        """Since the request came."""
        return None if until is None else round((until - self.started_at) * 1000, 1)


def name_route(scope: Scope) -> str:
    """The route's pattern; a path may be anything."""
    route = scope.get("route")
    return route.path if route else "unmatched"
