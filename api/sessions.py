"""Sessions of an agent's customers: listed, read, watched as they go on, deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, jsonify

from api.auth import get_user_id
from api.events import HEARTBEAT, RETRY_SECONDS, build_stream, is_json_wanted
from api.openapi import describe
from api.pages import PageQuery, build_page, read_position, read_query
from api.session_schemas import SessionDetail, SessionView
from include import records, sessions
from include.removal.sessions import remove_session
from include.running_sessions import list_running
from include.sessions import Session
from include.settings import get_settings

agent_sessions = Blueprint("sessions", __name__)


@agent_sessions.get("/api/agents/<agent_id>/sessions")
@describe(tag="sessions", query=PageQuery, answers={200: list[SessionView]})
def list_sessions(agent_id: str) -> Response:
    """An agent's sessions, by their start, newest first.

    The next page, if there is one, is a `Link` header with `rel="next"`.
    """
    user_id, query = get_user_id(), read_query(PageQuery)
    records.get_agent(user_id, agent_id)
    scope = ["sessions", user_id, agent_id]
    start = read_position(query, scope)
    page = sessions.list_sessions(agent_id, query.limit, start)
    views = [SessionView.of(session) for session in page.entries]
    return build_page(views, page.next_position, query, scope)


@agent_sessions.get("/api/agents/<agent_id>/sessions/<session_key>")
@describe(tag="sessions", answers={200: SessionDetail})
def get_session(agent_id: str, session_key: str) -> dict[str, Any]:
    """One session with its transcript."""
    session = read_session(agent_id, session_key)
    transcript = sessions.list_turns(session.session_key)
    return SessionDetail.of(session, transcript).model_dump(mode="json", by_alias=True)


@agent_sessions.delete("/api/agents/<agent_id>/sessions/<session_key>")
@describe(tag="sessions", answers={204: None})
def delete_session(agent_id: str, session_key: str) -> Response:
    """Delete a session with its transcript and hand-offs.

    A customer who goes on with it afterwards begins a new one under the same session id.
    """
    remove_session(read_session(agent_id, session_key))
    return Response(status=204)


def read_session(agent_id: str, session_key: str) -> Session:
    """A session of an agent of the caller's."""
    agent = records.get_agent(get_user_id(), agent_id)
    return sessions.get_session(agent.agent_id, session_key)


@agent_sessions.get("/api/agents/<agent_id>/sessions:watch")
@describe(tag="sessions", answers={200: list[SessionView]}, is_stream=True)
def watch_sessions(agent_id: str) -> Response:
    """The sessions that are running, and each of them again with each of its turns.

    A stream (`text/event-stream`) of `session` events, and `ended` when a session has been idle for
    too long; with `Accept: application/json` those running now.
    """
    agent = records.get_agent(get_user_id(), agent_id)
    if is_json_wanted():
        return jsonify([view(session) for session in list_running(agent.agent_id)])
    return build_stream(stream_sessions(agent.agent_id))


def stream_sessions(agent_id: str) -> Iterator[str]:
    """Messages about sessions until the stream's time is over; the client then comes back."""
    settings = get_settings()
    ends_at = time.monotonic() + settings.event_stream_seconds
    yield f"retry: {RETRY_SECONDS * 1000}\n\n"
    sent_at = time.monotonic()
    shown: dict[str, Session] = {}
    while time.monotonic() < ends_at:
        running = {session.session_key: session for session in list_running(agent_id)}
        for message in describe_changes(shown, running):
            yield message
            sent_at = time.monotonic()
        shown = running
        if time.monotonic() - sent_at >= settings.event_heartbeat_seconds:
            yield HEARTBEAT
            sent_at = time.monotonic()
        time.sleep(settings.event_poll_seconds)


def describe_changes(before: dict[str, Session], now: dict[str, Session]) -> Iterator[str]:
    """Messages about what is new or changed, oldest first, and about what is no longer there."""
    for key, session in reversed(now.items()):
        if session != before.get(key):
            yield build_message("session", view(session))
    for key in before.keys() - now.keys():
        yield build_message("ended", {"sessionKey": key})


def build_message(event: str, data: dict[str, Any]) -> str:
    """One Server-Sent Event; JSON has no line breaks."""
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"


def view(session: Session) -> dict[str, Any]:
    """A session as the wire has it."""
    return SessionView.of(session).model_dump(mode="json", by_alias=True)
