"""From a checked submission to an agent: documents in place, both records written, run started."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from api.submission_checks import Submission, describe_paths
from include import documents, records, usage
from include.dispatch import dispatch_agent
from include.models import Agent, AgentRef, DispatchStatus, KnowledgeBase
from include.naming import document_uri
from include.settings import get_settings
from include.tracing import get_traceparent

log = logging.getLogger(__name__)

SIDECAR_THREADS = 8


def build_records(ref: AgentRef, submission: Submission) -> tuple[Agent, KnowledgeBase]:
    """The two records of a new agent."""
    form = submission.form
    agent = Agent(
        **form.model_dump(exclude={"file_descriptions"}),
        user_id=ref.user_id,
        agent_id=ref.agent_id,
        knowledge_base_id=str(uuid4()),
        dispatch=DispatchStatus.PENDING,
        traceparent=get_traceparent(),
    )
    knowledge_base = KnowledgeBase(
        knowledge_base_id=agent.knowledge_base_id,
        user_id=ref.user_id,
        agent_id=ref.agent_id,
        s3_path=document_uri(get_settings(), ref),
        folder_file_descriptions=form.file_descriptions,
        documents=[upload.document for upload in submission.uploads],
    )
    return agent, knowledge_base


def store(
    agent: Agent, knowledge_base: KnowledgeBase, submission: Submission, *more: dict[str, Any]
) -> None:
    """Write the sidecars, then the records, with `more`, at once."""
    put_sidecars(agent.ref, submission)
    size = sum(document.size_bytes for document in knowledge_base.documents)
    with usage.explain_refusal(agent.user_id, agents=1, size_bytes=size):
        use = usage.build_use(agent.user_id, agents=1, size_bytes=size)
        records.create_agent(agent, knowledge_base, use, *more)


def put_sidecars(ref: AgentRef, submission: Submission) -> None:
    """Write the sidecars of all described documents."""
    described = describe_paths(submission.form, submission.uploads)
    with ThreadPoolExecutor(SIDECAR_THREADS) as executor:
        jobs = [executor.submit(documents.put_sidecar, ref, *item) for item in described.items()]
    for job in jobs:
        job.result()


def try_dispatch(agent: Agent) -> None:
    """Start the run if Airflow is there; if not, the reconciler will."""
    try:
        dispatch_agent(agent)
    except Exception as error:  # whatever it is, the agent is accepted
        log.warning("agent_id=%s dispatch stays pending: %r", agent.agent_id, error)
