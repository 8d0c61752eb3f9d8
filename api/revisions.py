"""Changing an agent that may change at the same time: ETag, If-Match, and trying again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Response, jsonify, request

from api.auth import get_user_id
from api.schemas import AgentView
from include import records
from include.errors import ConflictError, RevisionMismatchError
from include.models import Agent, KnowledgeBase

ATTEMPTS = 5

Result = TypeVar("Result")


def build_agent_response(agent: Agent, knowledge_base: KnowledgeBase) -> Response:
    """The agent in full, with a strong ETag of just that."""
    view = AgentView.of(agent, knowledge_base)
    response = jsonify(view.model_dump(mode="json", by_alias=True))
    response.add_etag()
    return response


def read_agent(agent_id: str) -> tuple[Agent, KnowledgeBase]:
    """One agent of the caller's, and its knowledge base."""
    agent = records.get_agent(get_user_id(), agent_id)
    return agent, records.get_knowledge_base(agent.knowledge_base_id)


def change_current(agent_id: str, change: Callable[[Agent, KnowledgeBase], Result]) -> Result:
    """Call `change` with the agent as it is; again when somebody else was faster.

    :raises RevisionMismatchError: when it is not what the caller's `If-Match` names.
    """
    for _ in range(ATTEMPTS):
        agent, knowledge_base = read_agent(agent_id)
        require_match(agent, knowledge_base)
        try:
            return change(agent, knowledge_base)
        except ConflictError:
            continue
    raise ConflictError("The agent is being changed by many requests. Try again shortly.")


def require_match(agent: Agent, knowledge_base: KnowledgeBase) -> None:
    """Refuse when the caller asks for another revision than there is."""
    if "If-Match" not in request.headers:
        return
    etag, _ = build_agent_response(agent, knowledge_base).get_etag()
    if not request.if_match.contains(etag or ""):
        raise RevisionMismatchError("The agent has changed since you read it. Read it again.")
