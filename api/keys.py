"""API keys of an agent: made, listed and revoked by its tenant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from flask import Blueprint, jsonify, request
from flask.wrappers import Response
from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from api.auth import get_user_id
from api.openapi import describe
from include import keys, records
from include.keys import ApiKey, Scope
from include.models import Record
from include.problems import InvalidFormError, describe_validation

agent_keys = Blueprint("keys", __name__)


def require_future(moment: datetime) -> datetime:
    """Refuse a key that could never be used."""
    if moment <= datetime.now(UTC):
        raise ValueError("must be in the future")
    return moment


class KeyRequest(Record):
    """The body of POST .../keys."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] = Field(
        default_factory=lambda: [Scope.CHAT]
    )
    expires_at: Annotated[AwareDatetime, AfterValidator(require_future)] | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=100_000)] | None = None


class KeyView(Record):
    """A key without its secret; `uses` and `lastUsedAt` are up to a minute old."""

    key_id: str
    agent_id: str
    name: str
    scopes: list[Scope]
    requests_per_minute: int | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    uses: int


class NewKeyView(KeyView):
    """A new key; `key` is what customers send, shown only here."""

    key: str


def view_key(key: ApiKey) -> dict[str, Any]:
    """A key as the wire has it."""
    return KeyView.model_validate(key.model_dump()).model_dump(mode="json", by_alias=True)


@agent_keys.post("/api/agents/<agent_id>/keys")
@describe(tag="keys", body=KeyRequest, answers={201: NewKeyView})
def create_key(agent_id: str) -> Response:
    """Make a key for the agent's customers; it is shown only in this answer.

    Takes no `Idempotency-Key`: answers kept for repetition would hold the key.
    """
    agent = records.get_agent(get_user_id(), agent_id)
    asked = read_key_request()
    key, token = keys.create_key(
        agent, asked.name, asked.scopes, asked.expires_at, asked.requests_per_minute
    )
    response = jsonify(view_key(key) | {"key": token})
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


def read_key_request() -> KeyRequest:
    """The request's JSON body."""
    try:
        return KeyRequest.model_validate(request.get_json())
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


@agent_keys.get("/api/agents/<agent_id>/keys")
@describe(tag="keys", answers={200: list[KeyView]})
def list_keys(agent_id: str) -> Response:
    """All keys of the agent, newest first; revoked and expired ones for another thirty days."""
    agent = records.get_agent(get_user_id(), agent_id)
    return jsonify([view_key(key) for key in keys.list_keys(agent.agent_id)])


@agent_keys.delete("/api/agents/<agent_id>/keys/<key_id>")
@describe(tag="keys", answers={200: KeyView})
def revoke_key(agent_id: str, key_id: str) -> dict[str, Any]:
    """Revoke a key: requests that carry it are refused from now on."""
    agent = records.get_agent(get_user_id(), agent_id)
    return view_key(keys.revoke_key(agent.agent_id, key_id))
