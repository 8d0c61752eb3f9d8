"""What happened to an agent, as it happens: Server-Sent Events, or all so far as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import lru_cache
from threading import BoundedSemaphore
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import ServiceUnavailable

from api.auth import get_user_id
from api.openapi import EVENT_STREAM_TYPE, describe
from api.schemas import EventView
from include import records
from include.errors import NotFoundError
from include.events import number_events
from include.models import Agent, AgentStatus, Event
from include.problems import InvalidFormError
from include.settings import get_settings

RETRY_SECONDS = 5
HEARTBEAT = ": still here\n\n"

agent_events = Blueprint("events", __name__)


@agent_events.get("/api/agents/<agent_id>/events")
@describe(
    tag="agents",
    answers={200: list[EventView], 204: None},
    headers=("Last-Event-ID",),
    is_stream=True,
)
def list_events(agent_id: str) -> Response:
    """Each step as it starts, waits, retries and ends, and each change of the agent's status.

    A stream (`text/event-stream`) that ends when nothing is being done to the agent; with
    `Accept: application/json` the events so far. 204 tells a resuming client that no more will
    come. The latest 200 are kept.
    """
    agent = records.get_agent(get_user_id(), agent_id)
    last_id = read_last_event_id()
    if is_json_wanted():
        return jsonify([view_event(*item) for item in number_events(agent, last_id)])
    if is_final(agent) and not number_events(agent, last_id):
        return Response(status=204)
    return build_stream(stream_events(agent, last_id))


def is_json_wanted() -> bool:
    """Whether the client would rather have what there is than a stream."""
    wanted = request.accept_mimetypes.best_match([EVENT_STREAM_TYPE, "application/json"])
    return wanted == "application/json"


def read_last_event_id() -> int:
    """The number of the last event the client has; 0 when it has none."""
    header = request.headers.get("Last-Event-ID", "").strip() or "0"
    if not (header.isascii() and header.isdigit()) or len(header) > 18:
        message = "must be the id of an event of this stream"
        raise InvalidFormError([{"field": "Last-Event-ID", "message": message}])
    return int(header)


def build_stream(messages: Iterator[str]) -> Response:
    """A streamed response; the permit is given back however the stream ends."""
    permits = get_permits()
    if not permits.acquire(blocking=False):
        message = "Too many clients watch agents. Try again shortly, or ask for JSON."
        raise ServiceUnavailable(message, retry_after=RETRY_SECONDS)
    response = Response(messages, mimetype=EVENT_STREAM_TYPE)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the events back
    response.call_on_close(permits.release)
    return response


@lru_cache(maxsize=1)
def get_permits() -> BoundedSemaphore:
    """The process's permits: each stream holds a thread that cannot answer others."""
    return BoundedSemaphore(get_settings().max_event_streams)


def stream_events(agent: Agent, last_id: int) -> Iterator[str]:
    """The events after `last_id`, those there are and those to come."""
    settings = get_settings()
    ends_at = time.monotonic() + settings.event_stream_seconds
    yield f"retry: {RETRY_SECONDS * 1000}\n\n"
    sent_at = time.monotonic()
    current: Agent | None = agent
    while current is not None:
        for number, event in number_events(current, last_id):
            yield build_message(view_event(number, event))
            last_id, sent_at = number, time.monotonic()
        if is_final(current) or time.monotonic() >= ends_at:
            return
        if time.monotonic() - sent_at >= settings.event_heartbeat_seconds:
            yield HEARTBEAT
            sent_at = time.monotonic()
        time.sleep(settings.event_poll_seconds)
        current = find_visible(agent)


def find_visible(agent: Agent) -> Agent | None:
    """The agent as it is now; None once it was deleted."""
    try:
        return records.get_agent(agent.user_id, agent.agent_id)
    except NotFoundError:
        return None


def is_final(agent: Agent) -> bool:
    """Whether nothing more will happen unless somebody asks for it."""
    return agent.status != AgentStatus.CREATING and not agent.has_run


def view_event(number: int, event: Event) -> dict[str, Any]:
    """An event as the wire has it."""
    view = EventView.model_validate({**event.model_dump(), "id": number})
    return view.model_dump(mode="json", by_alias=True)


def build_message(event: dict[str, Any]) -> str:
    """One Server-Sent Event; JSON has no line breaks."""
    return f"id: {event['id']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
