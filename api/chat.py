"""A tenant asks its agent; customers do at the gateway."""

from __future__ import annotations

import logging
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from flask import Blueprint, request
from pydantic import ValidationError

from api.auth import get_user_id
from api.idempotency import answer_once
from api.openapi import describe
from include import records
from include.chat import (
    ChatRequest,
    ChatResponse,
    Usage,
    build_citations,
    make_session_id,
    require_active,
)
from include.idempotency import Answer, Claim, complete
from include.models import Agent
from include.problems import InvalidFormError, describe_validation
from include.runtime.invoke import invoke_agent, runtime_session_id
from include.sessions import SessionRef, TurnRecord, load_history, record_turn

log = logging.getLogger(__name__)

chat = Blueprint("chat", __name__)


@chat.post("/api/agents/<agent_id>/chat")
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
    response = ask(agent, question)
    kept = Answer(response.model_dump(mode="json", by_alias=True), 200)
    complete(claim, kept)
    return kept


def read_question() -> ChatRequest:
    """The request's JSON body."""
    try:
        return ChatRequest.model_validate(request.get_json())
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


def ask(agent: Agent, question: ChatRequest) -> ChatResponse:
    """Ask the agent, reminding it of the session, and record the turn."""
    session_id = question.session_id or make_session_id()
    session = SessionRef(agent.agent_id, session_id, f"tenant:{agent.user_id}")
    turns = load_history(session) if question.session_id else []
    history = [{"question": turn.question, "answer": turn.answer} for turn in turns]
    started_at = time.monotonic()
    said = invoke_agent(
        agent, question.message, runtime_session_id(agent, session.key), history=history
    )
    response = build_response(agent, session_id, said)
    record(agent, session, question, response, time.monotonic() - started_at)
    return response


def record(
    agent: Agent,
    session: SessionRef,
    question: ChatRequest,
    response: ChatResponse,
    duration_seconds: float,
) -> None:
    """Keep the turn; an answer that was given is not lost for it."""
    turn = TurnRecord(
        question=question.message,
        answer=response.answer,
        citations=[citation.model_dump() for citation in response.citations],
        handoff=response.handoff,
        input_tokens=response.usage.input_tokens,
        output_tokens=response.usage.output_tokens,
        duration_seconds=duration_seconds,
    )
    try:
        record_turn(agent, session, turn)
    except (BotoCoreError, ClientError) as error:
        log.error("a turn of agent %s was not recorded: %s", agent.agent_id, type(error).__name__)


def build_response(agent: Agent, session_id: str, said: dict[str, Any]) -> ChatResponse:
    """What the agent said, with documents named as the tenant named them."""
    return ChatResponse(
        session_id=session_id,
        answer=said["answer"],
        citations=build_citations(agent, said.get("citations", [])),
        handoff=said.get("handoff"),
        usage=Usage.model_validate(said.get("usage") or {}),
    )
