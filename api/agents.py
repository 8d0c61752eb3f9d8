"""Creating, listing and reading agents."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from flask import Blueprint, request

from api.auth import get_user_id
from api.errors import InvalidFormError
from api.schemas import AgentSummary, AgentView
from api.uploads import Submission, describe_paths, problem, read_submission
from include import documents, records
from include.dispatch import dispatch_agent
from include.models import Agent, AgentRef, AgentStatus, KnowledgeBase, Record
from include.naming import document_uri
from include.settings import get_settings

log = logging.getLogger(__name__)
agents = Blueprint("agents", __name__)

UPLOAD_THREADS = 8


def to_json(view: Record) -> dict[str, Any]:
    """A view as the wire has it; absent values are null."""
    return view.model_dump(mode="json", by_alias=True)


@agents.post("/api/agents")
def create_agent() -> tuple[dict[str, Any], int]:
    """Accept a submission: 201 once it is recorded, whether or not Airflow is there."""
    user_id = get_user_id()
    submission = read_submission(request, get_settings())
    agent, knowledge_base = build_records(user_id, submission)
    store(agent, knowledge_base, submission)
    try:
        dispatch_agent(agent)
    except Exception as error:  # it is accepted: the reconciler will dispatch it
        log.warning("agent_id=%s dispatch stays pending: %r", agent.agent_id, error)
    return to_json(AgentView.of(agent, knowledge_base)), 201


@agents.get("/api/agents")
def list_agents() -> list[dict[str, Any]]:
    """The caller's agents, newest first; `status_filter` keeps those of one status."""
    user_id = get_user_id()
    found = records.list_agents(user_id, read_status_filter())
    return [to_json(AgentSummary.model_validate(agent.model_dump())) for agent in found]


@agents.get("/api/agents/<agent_id>")
def get_agent(agent_id: str) -> dict[str, Any]:
    """One agent of the caller's with its knowledge base and the progress of its steps."""
    agent = records.get_agent(get_user_id(), agent_id)
    return to_json(AgentView.of(agent, records.get_knowledge_base(agent.knowledge_base_id)))


def read_status_filter() -> AgentStatus | None:
    """The query's status, if any."""
    name = request.args.get("status_filter")
    if name is None:
        return None
    try:
        return AgentStatus(name)
    except ValueError:
        known = ", ".join(AgentStatus)
        raise InvalidFormError([problem("status_filter", f"must be one of {known}")]) from None


def build_records(user_id: str, submission: Submission) -> tuple[Agent, KnowledgeBase]:
    """The two records of a new agent."""
    form = submission.form
    agent = Agent(
        **form.model_dump(exclude={"file_descriptions"}),
        user_id=user_id,
        agent_id=str(uuid4()),
        knowledge_base_id=str(uuid4()),
    )
    knowledge_base = KnowledgeBase(
        knowledge_base_id=agent.knowledge_base_id,
        user_id=user_id,
        agent_id=agent.agent_id,
        s3_path=document_uri(get_settings(), agent.ref),
        folder_file_descriptions=form.file_descriptions,
        documents=[upload.document for upload in submission.uploads],
    )
    return agent, knowledge_base


def store(agent: Agent, knowledge_base: KnowledgeBase, submission: Submission) -> None:
    """Upload the documents, then write both records; on any error nothing stays behind."""
    try:
        upload_documents(agent.ref, submission)
        records.create_agent(agent, knowledge_base)
    except Exception:
        documents.delete_documents(agent.ref)
        raise


def upload_documents(ref: AgentRef, submission: Submission) -> None:
    """Put all files and the sidecars of the described ones into S3, several at a time."""
    described = describe_paths(submission.form, submission.uploads)
    with ThreadPoolExecutor(UPLOAD_THREADS) as executor:
        jobs = [
            executor.submit(documents.put_document, ref, upload.path, upload.stream)
            for upload in submission.uploads
        ]
        jobs += [executor.submit(documents.put_sidecar, ref, *item) for item in described.items()]
    for job in jobs:
        job.result()
