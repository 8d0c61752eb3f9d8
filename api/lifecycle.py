"""Changing, pausing, resuming, retrying and deleting an agent."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from pydantic import ValidationError

from api.auth import get_user_id
from api.creation import try_dispatch
from api.idempotency import answer_once
from api.openapi import describe
from api.revisions import build_agent_response, change_current, read_agent
from api.schemas import AgentChange, AgentView, Deletion
from api.submission_checks import (
    Problems,
    Upload,
    check_descriptions,
    check_texts,
    find_description,
    problem,
)
from include import documents, lifecycle
from include.idempotency import Answer, Claim, build_completion
from include.models import Agent, KnowledgeBase, KnowledgeBaseStatus
from include.problems import InvalidFormError, describe_validation
from include.settings import get_settings

agent_lifecycle = Blueprint("lifecycle", __name__)


@agent_lifecycle.patch("/api/agents/<agent_id>")
@describe(
    tag="agents",
    answers={200: AgentView},
    body=AgentChange,
    headers=("If-Match",),
    errors=(409, 412),
)
def change_agent(agent_id: str) -> Response:
    """Change some fields of an agent; `status` pauses and resumes it.

    A failed agent is made from the new values when it is retried. An active one serves the old
    ones until it is updated: `updateRequestedAt` says since when it is due. That happens by itself
    once nothing has changed for a while, or at once with `:update`.
    """
    get_user_id()  # who may not ask learns nothing of what is wrong with the question
    changes = read_change()
    change_current(agent_id, lambda agent, base: change(agent, base, changes))
    return build_agent_response(*read_agent(agent_id))


def change(agent: Agent, knowledge_base: KnowledgeBase, changes: dict[str, Any]) -> None:
    """Record the changes; new descriptions also go beside the documents."""
    descriptions = changes.get("file_descriptions")
    uploads = [Upload(document.path, document.size_bytes) for document in knowledge_base.documents]
    if problems := check_descriptions(descriptions or {}, uploads):
        raise InvalidFormError(problems)
    lifecycle.change_agent(agent, changes)
    if descriptions is not None:
        texts = {upload.path: find_description(upload.path, descriptions) for upload in uploads}
        documents.rewrite_sidecars(agent.ref, texts)


@agent_lifecycle.delete("/api/agents/<agent_id>")
@describe(tag="agents", answers={202: Deletion}, headers=("If-Match",), errors=(412,))
def delete_agent(agent_id: str) -> tuple[dict[str, Any], int]:
    """Delete an agent: from now on there is none, while its resources are being removed."""
    deleted = change_current(agent_id, lifecycle.delete_agent)
    try_dispatch(deleted)
    deletion = Deletion(
        agent_id=agent_id, deletion_requested_at=deleted.deletion_requested_at or ""
    )
    return deletion.model_dump(by_alias=True), 202


@agent_lifecycle.post("/api/agents/<agent_id>:retry")
@describe(tag="agents", answers={202: AgentView}, headers=("Idempotency-Key",), errors=(409,))
def retry_agent(agent_id: str) -> tuple[dict[str, Any], int]:
    """Start the creation of a failed agent again, with its present SOP and documents."""

    def retry(claim: Claim | None) -> Answer:
        return change_current(agent_id, lambda agent, base: start_again(agent, base, claim))

    answer = answer_once(get_user_id(), None, retry)
    return answer.body, answer.status


def start_again(agent: Agent, knowledge_base: KnowledgeBase, claim: Claim | None) -> Answer:
    """Record the next generation of a failed agent and dispatch it."""
    retried = lifecycle.build_retry(agent)
    base = knowledge_base.model_copy(update={"status": KnowledgeBaseStatus.NOTREADY})
    answer = Answer(AgentView.of(retried, base).model_dump(mode="json", by_alias=True), 202)
    lifecycle.retry_agent(agent, retried, *build_completion(claim, answer))
    try_dispatch(retried)
    return answer


def read_change() -> dict[str, Any]:
    """The fields the request's JSON body names, by our names for them."""
    body = request.get_json()
    try:
        change = AgentChange.model_validate(body)
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error
    changes = change.model_dump(exclude_unset=True)
    if problems := check_sizes(change) if changes else [problem("body", "name a field to change")]:
        raise InvalidFormError(problems)
    return changes


def check_sizes(change: AgentChange) -> Problems:
    """Fields for which an agent's record has no room; configurations are measured as JSON."""
    fields = change.model_dump(by_alias=True, exclude_unset=True)
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()}
    return check_texts(texts, get_settings())
