"""What a tenant does to an agent that exists: change, pause, resume, retry, delete.

Each write is made on condition that the agent is as it was read: a step that starts in between
makes it raise ConflictError, and the caller reads and judges again. So nothing a step reads can
change once a step has started.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from include import records, usage
from include.errors import WrongStateError
from include.events import status_event
from include.models import (
    Agent,
    AgentStatus,
    DispatchStatus,
    Document,
    KnowledgeBase,
    KnowledgeBaseStatus,
    Pipeline,
    StepError,
    now,
)

# Between two tries of a deletion.
MIN_PAUSE, MAX_PAUSE = timedelta(minutes=1), timedelta(hours=1)
# Only these two follow a tenant's word; the others follow a run.
SWITCHES = {(AgentStatus.ACTIVE, AgentStatus.PAUSED), (AgentStatus.PAUSED, AgentStatus.ACTIVE)}
# What the generated code is made of; the name too, the agent introduces itself by it.
CONTENT = frozenset({
    "agent_name",
    "sop",
    "knowledge_base_description",
    "human_handoff_description",
    "voice_config",
    "text_config",
})  # fmt: skip


def change_agent(agent: Agent, changes: dict[str, Any]) -> None:
    """Store new values (snake_case names); None removes one, `status` pauses and resumes.

    What is changed before the first step, or while the agent is failed, is what the next run uses.
    A serving agent goes on as it is and is marked as to be updated (include/updates.py).

    :raises WrongStateError: when the agent's state forbids it.
    :raises ConflictError: when the agent is not as it was read.
    """
    attributes = dict(changes)
    events = []
    if "status" in changes:
        require_switch(agent, changes["status"])
        events = [status_event(agent.ref, changes["status"])]
    if CONTENT & changes.keys():
        require_no_run(agent)
        if is_serving(agent):
            attributes |= request_update()
    records.change_agent(agent, attributes, events)


def require_switch(agent: Agent, status: AgentStatus) -> None:
    """Refuse a change of status that is neither pausing nor resuming."""
    if status != agent.status and (agent.status, status) not in SWITCHES:
        raise WrongStateError(
            f"The agent is {agent.status}; only an active one can be paused, a paused one resumed."
        )


def require_no_run(agent: Agent) -> None:
    """Refuse while a run is reading what the tenant wants to change."""
    if agent.status == AgentStatus.CREATING and agent.steps:
        raise WrongStateError("The agent is being created; change it once it is active or failed.")
    if is_serving(agent) and agent.has_run:
        raise WrongStateError(
            f"The agent is busy with {agent.pipeline}; change it once `runningPipeline` is null."
        )


def request_update() -> dict[str, Any]:
    """The attributes that mark a serving agent as changed since it was made."""
    changed_at = now()
    return {
        "update_requested_at": changed_at,
        "dispatch": DispatchStatus.QUIET,
        "run_requested_at": changed_at,
    }


def is_serving(agent: Agent) -> bool:
    """Whether a running agent was made of what is stored."""
    return agent.status in {AgentStatus.ACTIVE, AgentStatus.PAUSED}


def build_retry(agent: Agent) -> Agent:
    """A failed agent as it is when its creation starts again, as a new generation.

    :raises WrongStateError: when it has not failed.
    :raises TenantQuotaError: while too many other agents are being created.
    """
    if agent.status != AgentStatus.FAILED:
        raise WrongStateError(f"The agent is {agent.status}; only a failed one can be retried.")
    usage.require_creating_room(agent.user_id)
    return agent.model_copy(
        update={
            **request_run(agent, Pipeline.CREATE),
            "status": AgentStatus.CREATING,
            "failure": None,
            "failed_step": None,
            "update_requested_at": None,
            "updated_at": now(),
        }
    )


def request_run(agent: Agent, pipeline: Pipeline) -> dict[str, Any]:
    """The attributes with which a new generation begins, its run still to be dispatched."""
    return {
        "generation": agent.generation + 1,
        "pipeline": pipeline,
        "dispatch": DispatchStatus.PENDING,
        "run_requested_at": now(),
        "steps": {},
        "candidate": None,
    }


def retry_agent(agent: Agent, retried: Agent, *more: dict[str, Any]) -> None:
    """Write what `build_retry` made of the agent, and `more`, in one transaction.

    :raises ConflictError: when the agent is not as it was read.
    """
    changed = {"generation", "pipeline", "dispatch", "run_requested_at", "steps", "status"}
    removed = {"failure", "failed_step", "update_requested_at", "candidate"}
    attributes = {name: getattr(retried, name) for name in changed | removed | {"updated_at"}}
    base = records.build_knowledge_base_update(
        agent.knowledge_base_id, status=KnowledgeBaseStatus.NOTREADY
    )
    events = [status_event(retried.ref, retried.status)]
    records.change_agent(agent, attributes, events, base, *more)


def delete_agent(agent: Agent, knowledge_base: KnowledgeBase) -> Agent:
    """Take the agent away from its tenant; returns it, with the run that removes it to dispatch.

    The new generation stops whatever still runs for the agent; its record stays, marked
    `deletion_requested_at`, until what it lists is gone from AWS.

    :raises ConflictError: when the agent is not as it was read.
    """
    deleted_at = now()
    attributes = {**request_run(agent, Pipeline.DELETE), "deletion_requested_at": deleted_at}
    size = sum_sizes(knowledge_base.documents)
    use = usage.build_use(agent.user_id, agents=-1, size_bytes=-size)
    base = records.build_knowledge_base_update(
        agent.knowledge_base_id, deletion_requested_at=deleted_at
    )
    records.change_agent(agent, attributes, [], base, use)
    return agent.model_copy(update=attributes)


def repeat_deletion(agent: Agent) -> Agent:
    """Begin a new generation of a deletion that failed; returns the agent, to be dispatched.

    :raises StaleGenerationError: when somebody else did so.
    """
    attributes = request_run(agent, Pipeline.DELETE)
    records.update_agent(agent.ref, **attributes)
    return agent.model_copy(update=attributes)


def postpone_deletion(agent: Agent, step: str | None, error: StepError) -> None:
    """Record why a deletion failed, for operators, and when it is tried again.

    That is after as long as it has been tried already, within MIN_PAUSE and MAX_PAUSE.
    """
    requested_at = datetime.fromisoformat(agent.deletion_requested_at or agent.run_requested_at)
    pause = min(max(datetime.now(UTC) - requested_at, MIN_PAUSE), MAX_PAUSE)
    records.update_agent(
        agent.ref,
        failure=error,
        failed_step=step,
        dispatch=DispatchStatus.RETRY,
        run_requested_at=(datetime.now(UTC) + pause).isoformat(timespec="milliseconds"),
    )


def record_documents(
    agent: Agent, knowledge_base: KnowledgeBase, documents: list[Document]
) -> None:
    """Store the list of an agent's documents, which differ from the indexed ones from now on.

    :raises ConflictError: when the agent is not as it was read.
    """
    marks = request_update() if is_serving(agent) else {}
    base = records.build_knowledge_base_update(
        knowledge_base.knowledge_base_id,
        documents=documents,
        documents_changed_at=marks.get("update_requested_at", now()),
    )
    added = sum_sizes(documents) - sum_sizes(knowledge_base.documents)
    with usage.explain_refusal(agent.user_id, size_bytes=added):
        use = usage.build_use(agent.user_id, size_bytes=added)
        records.change_agent(agent, marks, [], base, use)


def record_late_arrival(agent: Agent) -> None:
    """Mark documents as changed once more: a run began while their files were on the way to S3."""
    records.update_knowledge_base(agent.ref, agent.knowledge_base_id, documents_changed_at=now())
    if is_serving(agent) and not agent.has_run:
        records.update_agent(agent.ref, **request_update())


def sum_sizes(documents: list[Document]) -> int:
    """Bytes of all documents."""
    return sum(document.size_bytes for document in documents)
