"""Creating, listing and reading agents."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, g, request

from api.auth import get_user_id
from api.creation import build_records, store, try_dispatch
from api.idempotency import answer_once, is_answered
from api.openapi import describe
from api.pages import AgentQuery, build_page, read_position, read_query
from api.revisions import build_agent_response, read_agent, require_match
from api.schemas import AgentView, SubmissionBody
from api.submission_checks import Submission
from api.uploads import receive_submission
from include import lists
from include.errors import TenantQuotaError
from include.idempotency import Answer, Claim, build_completion
from include.models import AgentRef, Record
from include.usage import require_room

agents = Blueprint("agents", __name__)


def to_json(view: Record) -> dict[str, Any]:
    """A view as the wire has it; absent values are null."""
    return view.model_dump(mode="json", by_alias=True)


@agents.post("/api/agents")
@describe(
    tag="agents",
    body=SubmissionBody,
    body_type="multipart/form-data",
    headers=("Idempotency-Key",),
    answers={201: AgentView},
    errors=(409,),
)
def create_agent() -> tuple[dict[str, Any], int]:
    """Accept a submission: 201 once it is recorded, whether or not Airflow is there."""
    ref = AgentRef(get_user_id(), str(uuid4()), 1)
    g.agent_id = ref.agent_id
    require_room_or_answer(ref.user_id)
    with receive_submission(request, ref) as submission:
        answer = answer_once(
            ref.user_id, submission.payload, lambda claim: accept(ref, submission, claim)
        )
    return answer.body, answer.status


def require_room_or_answer(user_id: str) -> None:
    """Refuse early what the quotas have no room for, before its documents are read.

    The transaction that creates the agent refuses it for good. A repetition needs no room.
    """
    try:
        require_room(user_id, agents=1)
    except TenantQuotaError:
        if not is_answered(user_id):
            raise


def accept(ref: AgentRef, submission: Submission, claim: Claim | None) -> Answer:
    """Record the submission and what it is answered with; dispatch its run if Airflow is there."""
    agent, knowledge_base = build_records(ref, submission)
    answer = Answer(to_json(AgentView.of(agent, knowledge_base)), 201)
    store(agent, knowledge_base, submission, *build_completion(claim, answer))
    try_dispatch(agent)
    return answer


@agents.get("/api/agents")
@describe(tag="agents", query=AgentQuery, answers={200: list[lists.AgentSummary]})
def list_agents() -> Response:
    """The caller's agents, newest first; `status_filter` keeps those of one status.

    The next page, if there is one, is a `Link` header with `rel="next"`. A new agent is listed
    within a second.
    """
    user_id, query = get_user_id(), read_query(AgentQuery)
    scope = ["agents", user_id, query.status_filter or ""]
    start = read_position(query, scope)
    page = lists.list_agents(user_id, query.status_filter, query.limit, start)
    return build_page(page.entries, page.next_position, query, scope)


@agents.get("/api/agents/<agent_id>")
@describe(tag="agents", answers={200: AgentView, 304: None}, errors=(412,))
def get_agent(agent_id: str) -> Response:
    """One agent of the caller's with its knowledge base and the progress of its steps."""
    agent, knowledge_base = read_agent(agent_id)
    require_match(agent, knowledge_base)
    response = build_agent_response(agent, knowledge_base)
    response.make_conditional(request)
    return response
