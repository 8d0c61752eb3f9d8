"""`POST /agents/{agentId}/chat`: a message in, the answer as JSON or as it comes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.callers import admit
from gateway.messages import (
    EVENT_STREAM_TYPE,
    EventStream,
    build_message,
    read_body,
    take_first,
    take_last,
)
from gateway.problems import describe_error
from gateway.runtime import Event
from gateway.services import get_services
from gateway.turns import Question, answer
from include.chat import ChatRequest, make_session_id, require_active
from include.keys import Scope
from include.sessions import SessionRef


class StreamableChatRequest(ChatRequest):
    """A message, and whether its answer is wanted as it comes; else `Accept` says so."""

    stream: bool | None = None


async def chat(request: Request) -> Response:
    """Answer one message of a session, which begins with a message that names none."""
    caller = await admit(request, Scope.CHAT)
    asked = await read_body(request, StreamableChatRequest)
    require_active(caller.agent, is_tenant=caller.key is None)
    session_id = asked.session_id or make_session_id()
    session = SessionRef(caller.agent.agent_id, session_id, caller.name)
    # What has just begun has no history to be read.
    question = Question(asked.message, session, None if asked.session_id else [])
    events = answer(get_services(request), caller, question)
    if not wants_stream(request, asked):
        done = show_answer(await take_last(request, events))
        return JSONResponse({"sessionId": session_id} | done)
    first = await take_first(request, events)
    opening = build_message({"sessionId": session_id}, "session")
    return EventStream(
        opening,
        first,
        events,
        lambda event: show_event(event, session_id),
        lambda error: build_message(describe_error(request, error), "error"),
    )


def wants_stream(request: Request, asked: StreamableChatRequest) -> bool:
    """Whether the answer is to come in pieces."""
    accepted = request.headers.get("accept", "")
    return EVENT_STREAM_TYPE in accepted if asked.stream is None else asked.stream


def show_event(event: Event, session_id: str) -> str:
    """An event on the wire; the last one is what the JSON answer is."""
    shown = show_answer(event)
    if event["type"] == "done":
        shown = {"sessionId": session_id} | shown
    return build_message(shown, str(event["type"]))


def show_answer(event: Event) -> Event:
    """What an event says, without its type."""
    return {name: value for name, value in event.items() if name != "type"}
