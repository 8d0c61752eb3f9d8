"""The DynamoDB records of agents and knowledge bases.

Every write to an existing agent is conditional on its generation: a task of an outdated run
raises StaleGenerationError and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from pydantic.alias_generators import to_camel

from include.aws import client, error_code
from include.errors import NotFoundError, StaleGenerationError
from include.models import Agent, AgentRef, AgentStatus, KnowledgeBase, Record, Step, now
from include.settings import get_settings

serializer = TypeSerializer()
deserializer = TypeDeserializer()

FENCE_ERROR = "ConditionalCheckFailed"
GENERATION_IS_OURS = "attribute_exists(agentId) AND #fence = :fence"


def create_agent(agent: Agent, knowledge_base: KnowledgeBase) -> None:
    """Write both records, or neither; an existing agent is never overwritten."""
    settings = get_settings()
    puts = [
        put_new(settings.agents_table, agent, "agentId"),
        put_new(settings.knowledge_bases_table, knowledge_base, "knowledgeBaseId"),
    ]
    client("dynamodb").transact_write_items(TransactItems=puts)


def get_agent(user_id: str, agent_id: str) -> Agent:
    """Read one agent of this user, consistently.

    :raises NotFoundError: when there is none; one of another user counts as none.
    """
    key = {"userId": {"S": user_id}, "agentId": {"S": agent_id}}
    item = get_item(get_settings().agents_table, key)
    if item is None:
        raise NotFoundError(f"There is no agent {agent_id!r}.")
    return Agent.model_validate(item)


def get_current_agent(ref: AgentRef) -> Agent:
    """Read the agent, refusing when it has moved on to another generation.

    :raises StaleGenerationError: also when the agent was deleted.
    """
    try:
        agent = get_agent(ref.user_id, ref.agent_id)
    except NotFoundError as error:
        raise stale(ref) from error
    if agent.generation != ref.generation:
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


def list_agents(user_id: str, status: AgentStatus | None = None) -> list[Agent]:
    """All agents of a user, newest first."""
    query: dict[str, Any] = {
        "TableName": get_settings().agents_table,
        "KeyConditionExpression": "userId = :user",
        "ExpressionAttributeValues": {":user": {"S": user_id}},
    }
    if status:
        query["FilterExpression"] = "#status = :status"
        query["ExpressionAttributeNames"] = {"#status": "status"}
        query["ExpressionAttributeValues"][":status"] = {"S": status.value}
    pages = client("dynamodb").get_paginator("query").paginate(**query)
    agents = [Agent.model_validate(read(item)) for page in pages for item in page["Items"]]
    return sorted(agents, key=lambda agent: agent.created_at, reverse=True)


def list_pending_agents() -> Iterator[Agent]:
    """Agents whose run Airflow has not accepted yet (a scan: few of many, once a minute)."""
    pages = (
        client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=get_settings().agents_table,
            FilterExpression="dispatch = :pending",
            ExpressionAttributeValues={":pending": {"S": "pending"}},
        )
    )
    return (Agent.model_validate(read(item)) for page in pages for item in page["Items"])


def update_agent(ref: AgentRef, **attributes: Any) -> None:
    """Set attributes (snake_case names) of the agent's current generation; None removes one.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    update = build_update({**attributes, "updated_at": now()})
    fence(update, ref)
    with fenced(ref):
        client("dynamodb").update_item(**agent_key(ref), **update)


def record_step(ref: AgentRef, name: str, step: Step, status: AgentStatus | None = None) -> None:
    """Store a step's progress, and the agent's status with it when given."""
    update = build_update({"updated_at": now(), **({"status": status} if status else {})})
    update["UpdateExpression"] = update["UpdateExpression"].replace(
        "SET ", "SET steps.#step = :step, "
    )
    update["ExpressionAttributeNames"]["#step"] = name
    update["ExpressionAttributeValues"][":step"] = write(step)
    fence(update, ref)
    with fenced(ref):
        client("dynamodb").update_item(**agent_key(ref), **update)


def update_knowledge_base(ref: AgentRef, knowledge_base_id: str, **attributes: Any) -> None:
    """Set attributes of a knowledge base while its agent is still of this generation.

    :raises StaleGenerationError: when the generation is no longer current.
    """
    update = build_update({**attributes, "updated_at": now()})
    table = get_settings().knowledge_bases_table
    check: dict[str, Any] = {"ExpressionAttributeNames": {}, "ExpressionAttributeValues": {}}
    fence(check, ref)
    key = {"knowledgeBaseId": {"S": knowledge_base_id}}
    actions = [
        {"ConditionCheck": {**agent_key(ref), **check}},
        {"Update": {"TableName": table, "Key": key, **update}},
    ]
    with fenced(ref):
        client("dynamodb").transact_write_items(TransactItems=actions)


@contextmanager
def fenced(ref: AgentRef) -> Iterator[None]:
    """Turn a write refused for its generation into StaleGenerationError."""
    try:
        yield
    except ClientError as error:
        if is_fence_error(error):
            raise stale(ref) from error
        raise


def is_fence_error(error: ClientError) -> bool:
    """Whether a condition was not met; a transaction is also canceled for passing conflicts."""
    reasons = error.response.get("CancellationReasons", [])
    codes = [error_code(error).removesuffix("Exception"), *(r.get("Code") for r in reasons)]
    return FENCE_ERROR in codes


def stale(ref: AgentRef) -> StaleGenerationError:
    """The error for a run whose agent has moved on."""
    return StaleGenerationError(
        f"Agent {ref.agent_id} is no longer at generation {ref.generation}; this run stops."
    )


def agent_key(ref: AgentRef) -> dict[str, Any]:
    """Table and key of an agent, as DynamoDB calls take them."""
    key = {"userId": {"S": ref.user_id}, "agentId": {"S": ref.agent_id}}
    return {"TableName": get_settings().agents_table, "Key": key}


def fence(update: dict[str, Any], ref: AgentRef) -> None:
    """Make a write conditional on the agent's generation."""
    update["ConditionExpression"] = GENERATION_IS_OURS
    update["ExpressionAttributeNames"]["#fence"] = "generation"
    update["ExpressionAttributeValues"][":fence"] = {"N": str(ref.generation)}


def build_update(attributes: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB's update arguments: SET what has a value, REMOVE what is None."""
    names = {f"#{key}": to_camel(key) for key in attributes}
    values = {f":{key}": write(value) for key, value in attributes.items() if value is not None}
    expression = "SET " + ", ".join(f"#{key[1:]} = {key}" for key in values)
    removed = ", ".join(f"#{key}" for key, value in attributes.items() if value is None)
    return {
        "UpdateExpression": expression + (f" REMOVE {removed}" if removed else ""),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def put_new(table: str, record: Record, key: str) -> dict[str, Any]:
    """A transaction's put that refuses to overwrite."""
    return {
        "Put": {
            "TableName": table,
            "Item": write(record)["M"],
            "ConditionExpression": f"attribute_not_exists({key})",
        }
    }


def get_item(table: str, key: dict[str, Any]) -> dict[str, Any] | None:
    """One item as plain Python, or None."""
    item = client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return read(item) if item else None


def write(value: Any) -> dict[str, Any]:
    """A value in DynamoDB's typed form; floats become Decimal, which DynamoDB demands."""
    plain = json.dumps(value, default=dump_record)
    typed: dict[str, Any] = serializer.serialize(json.loads(plain, parse_float=Decimal))
    return typed


def dump_record(record: Record) -> dict[str, Any]:
    """A record as JSON-ready data, without empty attributes."""
    return record.model_dump(mode="json", by_alias=True, exclude_none=True)


def read(item: dict[str, Any]) -> dict[str, Any]:
    """Plain Python from DynamoDB's typed form."""
    return {name: to_plain(deserializer.deserialize(value)) for name, value in item.items()}


def to_plain(value: Any) -> Any:
    """The value with JSON's numbers instead of Decimal, at any depth."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: to_plain(member) for name, member in value.items()}
    return [to_plain(member) for member in value] if isinstance(value, list) else value
