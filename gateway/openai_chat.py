"""OpenAI's chat completions: existing clients talk to an agent by base URL and key alone.

The agent's SOP rules, not the client's: messages of the roles system, developer, tool and function
are left out, and so are options that an agent has no use for.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, Field, StringConstraints, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.callers import admit
from gateway.messages import (
    Events,
    EventStream,
    build_message,
    check,
    read_body,
    take_first,
    take_last,
)
from gateway.problems import describe_error, to_openai
from gateway.runtime import Event, Turn
from gateway.services import get_services
from gateway.turns import Question, answer
from include.chat import Message, SessionId, make_session_id, require_active
from include.keys import Scope
from include.sessions import MAX_HISTORY_TURNS, SessionRef

SESSION_HEADER = "X-Session-Id"
END = "data: [DONE]\n\n"


class TextPart(BaseModel):
    """A part of a message; agents read text only."""

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """What one side said."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """All of its text."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream holds besides the answer."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """The body of POST .../chat/completions, as far as an agent has a use for it."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    user: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None

    @model_validator(mode="after")
    def require_question(self) -> CompletionRequest:
        """Refuse a conversation that does not end with the user."""
        if self.messages[-1].role != "user":
            raise ValueError("the last message must be the user's")
        return self


class Asked(BaseModel):
    """The last message, and the session it belongs to where the client names one."""

    message: Message
    session_id: SessionId | None = None


async def complete_chat(request: Request) -> Response:
    """Answer the last message; those before it are the history, whatever the session remembers."""
    caller = await admit(request, Scope.CHAT)
    body = await read_body(request, CompletionRequest)
    asked = check(
        Asked,
        {"message": body.messages[-1].text, "session_id": request.headers.get(SESSION_HEADER)},
    )
    require_active(caller.agent, is_tenant=caller.key is None)
    agent_id = caller.agent.agent_id
    session_id = asked.session_id or body.user or make_session_id()
    session = SessionRef(agent_id, session_id, caller.name)
    question = Question(asked.message, session, build_history(body.messages[:-1]))
    events = answer(get_services(request), caller, question)
    response = await respond(request, body, Completion(agent_id), events)
    if session_id != body.user:
        response.headers[SESSION_HEADER] = session_id
    return response


async def respond(
    request: Request, body: CompletionRequest, completion: Completion, events: Events
) -> Response:
    """The answer whole, or in chunks as it comes."""
    if not body.stream:
        return JSONResponse(completion.build_answer(await take_last(request, events)))
    has_usage = bool(body.stream_options and body.stream_options.include_usage)
    first = await take_first(request, events)
    return EventStream(
        completion.build_chunk({"role": "assistant", "content": ""}),
        first,
        events,
        lambda event: completion.show_event(event, has_usage),
        lambda error: build_message(to_openai(describe_error(request, error))),
    )


def build_history(messages: list[ChatMessage]) -> list[Turn]:
    """The turns of a conversation; what either side said in several messages is one text."""
    turns: list[Turn] = []
    for message in messages:
        if message.role == "user" and (not turns or turns[-1]["answer"]):
            turns.append({"question": message.text, "answer": ""})
        elif message.role == "user":
            turns[-1]["question"] += f"\n\n{message.text}"
        elif message.role == "assistant" and turns and message.text:
            turns[-1]["answer"] = "\n\n".join(filter(None, [turns[-1]["answer"], message.text]))
    complete = [turn for turn in turns if turn["question"].strip() and turn["answer"].strip()]
    return complete[-MAX_HISTORY_TURNS:]


class Completion:
    """One answer in OpenAI's words; citations and hand-off are members of our own."""

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        self.id = f"chatcmpl-{uuid4().hex}"
        self.created = int(time.time())

    def build(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """What every object of the answer says."""
        facts = {"id": self.id, "object": kind, "created": self.created, "model": self.agent_id}
        return {**facts, "choices": choices, **more}

    def build_answer(self, done: Event) -> dict[str, Any]:
        """The whole answer."""
        message = {"role": "assistant", "content": done["answer"]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        more = {"usage": count_usage(done), **pick_own(done)}
        return self.build("chat.completion", [choice], **more)

    def build_chunk(self, delta: dict[str, Any], reason: str | None = None, **more: Any) -> str:
        """A part of a streamed answer."""
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return build_message(self.build("chat.completion.chunk", [choice], **more))

    def show_event(self, event: Event, has_usage: bool) -> str:
        """An event as chunks; what tools do is not among OpenAI's words."""
        if event["type"] == "text":
            return self.build_chunk({"content": event["text"]})
        if event["type"] != "done":
            return ""
        last = self.build_chunk({}, "stop", **pick_own(event))
        if has_usage:
            last += build_message(self.build("chat.completion.chunk", [], usage=count_usage(event)))
        return last + END


def pick_own(done: Event) -> dict[str, Any]:
    """What OpenAI's answers have no place for."""
    return {name: done[name] for name in ("citations", "handoff")}


def count_usage(done: Event) -> dict[str, int]:
    """Tokens under OpenAI's names."""
    used, made = done["usage"]["inputTokens"], done["usage"]["outputTokens"]
    return {"prompt_tokens": used, "completion_tokens": made, "total_tokens": used + made}


async def list_models(request: Request) -> Response:
    """The one model there is: the agent."""
    caller = await admit(request, Scope.CHAT)
    created = int(datetime.fromisoformat(caller.agent.created_at).timestamp())
    model = {
        "id": caller.agent.agent_id,
        "object": "model",
        "created": created,
        "owned_by": "oratio",
    }
    return JSONResponse({"object": "list", "data": [model]})
