"""Asking an agent."""

from __future__ import annotations

import secrets
import time
from typing import Any

from flask import Blueprint, request
from pydantic import ValidationError

from api.auth import get_user_id
from api.idempotency import answer_once
from api.openapi import describe
from api.schemas import ChatRequest, ChatResponse, Citation
from api.uploads import describe_validation
from include import records
from include.errors import NotActiveError
from include.idempotency import Answer, Claim, complete
from include.models import Agent, AgentStatus
from include.naming import document_uri
from include.problems import InvalidFormError
from include.runtime.invoke import invoke_agent, runtime_session_id
from include.sessions import SessionRef, TurnRecord, record_turn
from include.settings import get_settings

chat = Blueprint("chat", __name__)


@chat.post("/api/agents/<agent_id>/chat")
@chat.post("/agents/<agent_id>/chat")
@describe(tag="agents", body=ChatRequest, answers={200: ChatResponse}, errors=(409, 502))
def ask_agent(agent_id: str) -> dict[str, Any]:
    """One message in, answer and citations out."""
    agent = records.get_agent(get_user_id(), agent_id)
    question = read_question()
    require_active(agent)
    payload = question.model_dump()
    return answer_once(agent.user_id, payload, lambda claim: answer(agent, question, claim)).body


def answer(agent: Agent, question: ChatRequest, claim: Claim | None) -> Answer:
    """Ask the agent, and keep what it says for a repetition of the request."""
    session_id, began_at = question.session_id or secrets.token_urlsafe(16), time.monotonic()
    said = invoke_agent(agent, question.message, runtime_session_id(agent, session_id))
    response = build_response(agent, session_id, said)
    keep_turn(agent, question, response, time.monotonic() - began_at)
    kept = Answer(response.model_dump(mode="json", by_alias=True), 200)
    complete(claim, kept)
    return kept


def keep_turn(
    agent: Agent, question: ChatRequest, response: ChatResponse, duration_seconds: float
) -> None:
    """Add the turn to its session, which is the tenant's own."""
    turn = TurnRecord(
        question=question.message,
        answer=response.answer,
        citations=[citation.model_dump() for citation in response.citations],
        handoff=response.handoff,
        duration_seconds=duration_seconds,
    )
    record_turn(agent, SessionRef(agent.agent_id, response.session_id, agent.user_id), turn)


def read_question() -> ChatRequest:
    """The request's JSON body."""
    try:
        return ChatRequest.model_validate(request.get_json())
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


def require_active(agent: Agent) -> None:
    """Refuse while the agent is anything but active, saying why."""
    if agent.status == AgentStatus.ACTIVE:
        return
    reason = f" {agent.failure.message}" if agent.failure else ""
    raise NotActiveError(
        f"The agent is {agent.status.value}.{reason} It answers once its status is active."
    )


def build_response(agent: Agent, session_id: str, answer: dict[str, Any]) -> ChatResponse:
    """The agent's answer with documents named as the tenant named them."""
    prefix = document_uri(get_settings(), agent.ref)
    citations = [
        Citation(
            document=citation["document"].removeprefix(prefix),
            passage=citation["passage"],
            score=citation["score"],
        )
        for citation in answer.get("citations", [])
    ]
    return ChatResponse(
        session_id=session_id,
        answer=answer["answer"],
        citations=citations,
        handoff=answer.get("handoff"),
    )
