"""Pages of what a user has, newest first, read from indexes that hold no long texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from include.aws import client
from include.items import read
from include.models import (
    AgentStatus,
    AgentType,
    KnowledgeBaseStatus,
    Record,
    StepError,
    build_user_status,
)
from include.settings import get_settings

Entry = TypeVar("Entry", bound=Record)
# Where a page ends: DynamoDB's key of its last item, all strings.
Position = dict[str, str]

DEFAULT_LIMIT = 100
USER_INDEX = "user-created-index"
STATUS_INDEX = "status-created-index"


class AgentSummary(Record):
    """An agent in a list; the indexes of infra/template.yaml hold these attributes."""

    agent_id: str
    user_id: str
    agent_name: str
    agent_type: AgentType
    status: AgentStatus
    knowledge_base_id: str
    failure: StepError | None = None
    websocket_url: str | None = None
    api_endpoint: str | None = None
    created_at: str
    updated_at: str


class KnowledgeBaseSummary(Record):
    """A knowledge base in a list; the index of infra/template.yaml holds these attributes."""

    knowledge_base_id: str
    user_id: str
    agent_id: str
    s3_path: str
    status: KnowledgeBaseStatus
    bedrock_knowledge_base_id: str | None = None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Page(Generic[Entry]):
    """Some entries, and where the next page starts, if there is one."""

    entries: list[Entry]
    next_position: Position | None


def list_agents(
    user_id: str,
    status: AgentStatus | None = None,
    limit: int = DEFAULT_LIMIT,
    start: Position | None = None,
) -> Page[AgentSummary]:
    """One page of a user's agents, of one status if given."""
    table = get_settings().agents_table
    if status:
        key, index = {"userStatus": build_user_status(user_id, status)}, STATUS_INDEX
    else:
        key, index = {"userId": user_id}, USER_INDEX
    query = build_query(table, index, key, start)
    query["FilterExpression"] = "attribute_not_exists(deletionRequestedAt)"
    return read_page(query, limit, AgentSummary)


def list_knowledge_bases(
    user_id: str, limit: int = DEFAULT_LIMIT, start: Position | None = None
) -> Page[KnowledgeBaseSummary]:
    """One page of a user's knowledge bases."""
    table = get_settings().knowledge_bases_table
    query = build_query(table, USER_INDEX, {"userId": user_id}, start)
    query["FilterExpression"] = "attribute_not_exists(deletionRequestedAt)"
    return read_page(query, limit, KnowledgeBaseSummary)


def build_query(
    table: str, index: str, key: dict[str, str], start: Position | None
) -> dict[str, Any]:
    """DynamoDB's query of one index key, newest first."""
    ((name, value),) = key.items()
    query: dict[str, Any] = {
        "TableName": table,
        "IndexName": index,
        "KeyConditionExpression": f"{name} = :value",
        "ExpressionAttributeValues": {":value": {"S": value}},
        "ScanIndexForward": False,
    }
    if start:
        query["ExclusiveStartKey"] = {name: {"S": value} for name, value in start.items()}
    return query


def read_page(query: dict[str, Any], limit: int, model: type[Entry]) -> Page[Entry]:
    """Query until the page is full: DynamoDB counts what a filter then drops."""
    entries: list[Entry] = []
    while True:
        answer = client("dynamodb").query(**query, Limit=limit - len(entries))
        entries += [model.model_validate(read(item)) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        if last is None or len(entries) == limit:
            return Page(entries, read(last) if last else None)
        query = {**query, "ExclusiveStartKey": last}


def count_agents(user_id: str, status: AgentStatus, limit: int) -> int:
    """How many agents a user has in one status, counted up to `limit`."""
    key = {"userStatus": build_user_status(user_id, status)}
    query = build_query(get_settings().agents_table, STATUS_INDEX, key, None)
    query["FilterExpression"] = "attribute_not_exists(deletionRequestedAt)"
    answer = client("dynamodb").query(**query, Select="COUNT", Limit=limit)
    return int(answer["Count"])
