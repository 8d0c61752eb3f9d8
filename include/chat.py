"""One message to an agent and its answer, as they go over the wire; who may be asked."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from include.errors import NotActiveError
from include.models import Agent, AgentStatus, Record
from include.naming import document_uri
from include.settings import get_settings

PAUSED = "The agent is paused. Try again later."


def limit_message(message: str) -> str:
    """Refuse what is longer than the setting allows."""
    limit = get_settings().max_message_characters
    if len(message) > limit:
        raise ValueError(f"must have at most {limit} characters")
    return message


def describe_message(schema: dict[str, Any]) -> None:
    """The same in the message's schema."""
    schema["maxLength"] = get_settings().max_message_characters


Message = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    AfterValidator(limit_message),
    Field(json_schema_extra=describe_message),
]
SessionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class ChatRequest(Record):
    """The body of POST .../chat."""

    model_config = ConfigDict(extra="forbid")

    message: Message
    session_id: SessionId | None = None


class Citation(Record):
    """A passage the answer rests on; `document` is the path the tenant uploaded it under."""

    document: str
    passage: str
    score: float


class Usage(Record):
    """Tokens that an answer took, all calls of the model together."""

    input_tokens: int = 0
    output_tokens: int = 0


class ChatResponse(Record):
    """An answer and where it came from."""

    session_id: str
    answer: str
    citations: list[Citation]
    handoff: dict[str, str] | None = None
    usage: Usage = Field(default_factory=Usage)


def make_session_id() -> str:
    """A session id that nobody can guess."""
    return secrets.token_urlsafe(16)


def require_active(agent: Agent, is_tenant: bool = True) -> None:
    """Refuse while the agent is anything but active; why it failed is for its tenant only.

    :raises NotActiveError: with the tenant's own message while it is paused.
    """
    if agent.status == AgentStatus.ACTIVE:
        return
    if agent.status == AgentStatus.PAUSED:
        raise NotActiveError(agent.paused_message or PAUSED)
    reason = f" {agent.failure.message}" if agent.failure and is_tenant else ""
    raise NotActiveError(
        f"The agent is {agent.status.value}.{reason} It answers once its status is active."
    )


def build_citations(agent: Agent, cited: list[dict[str, Any]]) -> list[Citation]:
    """The passages of an answer with documents named as the tenant named them."""
    prefix = document_uri(get_settings(), agent.ref)
    return [
        Citation(
            document=each["document"].removeprefix(prefix),
            passage=each["passage"],
            score=each["score"],
        )
        for each in cited
    ]
