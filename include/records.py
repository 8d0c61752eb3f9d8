"""The DynamoDB records of agents and knowledge bases.

Every write to an existing agent is conditional on its generation: a task of an outdated run
raises StaleGenerationError and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client
from include.errors import ConflictError, NotFoundError
from include.events import (
    append_events,
    build_trim,
    status_event,
    step_event,
    with_first_event,
)
from include.fences import (
    FENCE_ERROR,
    agent_key,
    fence,
    fenced,
    is_fence_error,
    stale,
    write_fenced,
)
from include.items import build_update, get_item, put_new, read, write
from include.models import (
    Agent,
    AgentRef,
    DispatchStatus,
    Event,
    KnowledgeBase,
    Step,
    build_user_status,
    now,
)
from include.settings import get_settings
from include.transactions import write_transaction
from include.webhooks.outbox import WebhookEvent, announce_agent, announce_status

OPEN_RUNS_INDEX = "open-runs-index"
END_OF_TIME = "9999"  # later than any ISO 8601 time
# Each step that starts adds an event, even within the same millisecond.
AGENT_IS_AS_READ = "#readAt = :readAt AND #readCount = :readCount"


def create_agent(agent: Agent, knowledge_base: KnowledgeBase, *more: dict[str, Any]) -> None:
    """Write both records and `more`, or nothing; an existing agent is never overwritten."""
    settings = get_settings()
    puts = [
        put_new(settings.agents_table, with_first_event(agent), "agentId"),
        put_new(settings.knowledge_bases_table, knowledge_base, "knowledgeBaseId"),
        *more,
    ]
    write_transaction(puts)


def get_agent(user_id: str, agent_id: str) -> Agent:
    """Read one agent of this user, consistently.

    :raises NotFoundError: when there is none; one of another user, or deleted, counts as none.
    """
    agent = find_agent(user_id, agent_id)
    if agent is None or agent.deletion_requested_at:
        raise NotFoundError(f"There is no agent {agent_id!r}.")
    return agent


def find_agent(user_id: str, agent_id: str) -> Agent | None:
    """Read one agent, consistently, even one that its tenant has deleted."""
    key = {"userId": {"S": user_id}, "agentId": {"S": agent_id}}
    item = get_item(get_settings().agents_table, key)
    return Agent.model_validate(item) if item else None


def get_current_agent(ref: AgentRef) -> Agent:
    """Read the agent, refusing when it has moved on to another generation.

    :raises StaleGenerationError: also when its record is gone.
    """
    agent = find_agent(ref.user_id, ref.agent_id)
    if agent is None or agent.generation != ref.generation:
        raise stale(ref)
    return agent


def get_knowledge_base(knowledge_base_id: str) -> KnowledgeBase:
    """Read one knowledge base, consistently.

    :raises NotFoundError: when there is none.
    """
    key = {"knowledgeBaseId": {"S": knowledge_base_id}}
    item = get_item(get_settings().knowledge_bases_table, key)
    if item is None:
        raise NotFoundError(f"There is no knowledge base {knowledge_base_id!r}.")
    return KnowledgeBase.model_validate(item)


def list_open_agents(dispatch: DispatchStatus, until: str = END_OF_TIME) -> Iterator[Agent]:
    """Agents whose run is at this point since `until` or longer; the longest waiting first.

    Read from an index that holds just these, then one by one, consistently.
    """
    for ref in list_open_refs(dispatch, until):
        agent = find_agent(ref.user_id, ref.agent_id)
        if agent and agent.dispatch == dispatch:
            yield agent


def list_open_refs(dispatch: DispatchStatus, until: str = END_OF_TIME) -> Iterator[AgentRef]:
    """The same agents, as the index has them: perhaps a moment old."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=get_settings().agents_table,
            IndexName=OPEN_RUNS_INDEX,
            KeyConditionExpression="dispatch = :dispatch AND runRequestedAt <= :until",
            ExpressionAttributeValues={":dispatch": {"S": dispatch}, ":until": {"S": until}},
        )
    )
    for item in (read(item) for page in pages for item in page["Items"]):
        yield AgentRef(item["userId"], item["agentId"], item["generation"])


def update_agent(ref: AgentRef, **attributes: Any) -> None:
    """Set attributes (snake_case names) of the agent's current generation; None removes one.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    update = build_agent_update(ref.user_id, attributes)
    if "status" in attributes:
        append_events(update, status_event(ref, attributes["status"], attributes.get("failure")))
    write_fenced(ref, update, announce_status(ref, attributes))


def record_dispatch(ref: AgentRef) -> None:
    """Record that Airflow has the run, unless it has ended by now.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    update = build_update({"dispatch": DispatchStatus.SENT, "updated_at": now()})
    fence(update, ref)
    update["ConditionExpression"] += " AND #dispatch = :pending"
    update["ExpressionAttributeValues"][":pending"] = {"S": DispatchStatus.PENDING}
    try:
        client("dynamodb").update_item(**agent_key(ref), **update)
    except ClientError as error:
        if not is_fence_error(error):
            raise
        get_current_agent(ref)


def record_step(ref: AgentRef, name: str, step: Step, **attributes: Any) -> None:
    """Store a step's progress, its event, and attributes of the agent at once.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    write_step(ref, name, step, attributes)


def record_start(ref: AgentRef, name: str, step: Step, **attributes: Any) -> Agent:
    """The same for a step that starts; returns the agent as of this very write.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    answer = write_step(ref, name, step, attributes, ReturnValues="ALL_NEW")
    return Agent.model_validate(read(answer["Attributes"])) if answer else get_current_agent(ref)


def write_step(
    ref: AgentRef, name: str, step: Step, attributes: dict[str, Any], **options: Any
) -> dict[str, Any] | None:
    """Write a step with its event; returns DynamoDB's answer, as `write_fenced` does."""
    update = build_agent_update(ref.user_id, attributes)
    update["UpdateExpression"] = update["UpdateExpression"].replace(
        "SET ", "SET steps.#step = :step, "
    )
    update["ExpressionAttributeNames"]["#step"] = name
    update["ExpressionAttributeValues"][":step"] = write(step)
    status = attributes.get("status")
    events = [status_event(ref, status, attributes.get("failure"))] if status else []
    append_events(update, *events, step_event(ref, name, step))
    return write_fenced(ref, update, announce_status(ref, attributes), **options)


def build_agent_update(user_id: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """An agent's update; with its status goes the key of the index by status."""
    changes = {"updated_at": now(), **attributes}
    if status := attributes.get("status"):
        changes["user_status"] = build_user_status(user_id, status)
    return build_update(changes)


def change_agent(
    agent: Agent, attributes: dict[str, Any], events: list[Event], *more: dict[str, Any]
) -> None:
    """Set attributes while the agent is as it was read, with `more`, in one transaction.

    :raises ConflictError: when it is not; read it again.
    """
    update = build_agent_update(agent.user_id, attributes)
    if events:
        append_events(update, *events)
    fence(update, agent.ref)
    update["ConditionExpression"] += f" AND {AGENT_IS_AS_READ}"
    update["ExpressionAttributeNames"] |= {"#readAt": "updatedAt", "#readCount": "eventCount"}
    update["ExpressionAttributeValues"] |= {
        ":readAt": write(agent.updated_at),
        ":readCount": write(agent.event_count),
    }
    told = announce_status(agent.ref, attributes)
    actions = [{"Update": {**agent_key(agent.ref), **update}}, *more, *told]
    try:
        client("dynamodb").transact_write_items(TransactItems=actions)
    except ClientError as error:
        if is_agent_changed(error):
            raise ConflictError(
                "The agent is being changed by somebody else. Try again."
            ) from error
        raise


def is_agent_changed(error: ClientError) -> bool:
    """Whether a transaction failed for its first action, or met another transaction on it."""
    reasons = error.response.get("CancellationReasons", [{}])
    return reasons[0].get("Code") in {FENCE_ERROR, "TransactionConflict"}


def build_knowledge_base_update(knowledge_base_id: str, **attributes: Any) -> dict[str, Any]:
    """A transaction's update of a knowledge base."""
    update = build_update({**attributes, "updated_at": now()})
    key = {"knowledgeBaseId": {"S": knowledge_base_id}}
    return {"Update": {"TableName": get_settings().knowledge_bases_table, "Key": key, **update}}


def update_knowledge_base(ref: AgentRef, knowledge_base_id: str, **attributes: Any) -> None:
    """Set attributes of a knowledge base while its agent is still of this generation.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    update = build_knowledge_base_update(knowledge_base_id, **attributes)
    check: dict[str, Any] = {"ExpressionAttributeNames": {}, "ExpressionAttributeValues": {}}
    fence(check, ref)
    actions = [{"ConditionCheck": {**agent_key(ref), **check}}, update]
    with fenced(ref):
        client("dynamodb").transact_write_items(TransactItems=actions)


def delete_records(ref: AgentRef, knowledge_base_id: str) -> None:
    """Remove both records of a deleted agent at once.

    :raises StaleGenerationError: when the generation is no longer current, or nothing is left.
    """
    check: dict[str, Any] = {"ExpressionAttributeNames": {}, "ExpressionAttributeValues": {}}
    fence(check, ref)
    check["ConditionExpression"] += " AND attribute_exists(deletionRequestedAt)"
    base_key = {"knowledgeBaseId": {"S": knowledge_base_id}}
    actions = [
        {"Delete": {**agent_key(ref), **check}},
        {"Delete": {"TableName": get_settings().knowledge_bases_table, "Key": base_key}},
        announce_agent(ref, WebhookEvent.AGENT_DELETED, {}),
    ]
    with fenced(ref):
        client("dynamodb").transact_write_items(TransactItems=actions)


def trim_events(ref: AgentRef) -> None:
    """Drop the oldest events unless another step did so just now."""
    try:
        client("dynamodb").update_item(**agent_key(ref), **build_trim())
    except ClientError as error:
        if not is_fence_error(error):
            raise
