"""What there is: our resources in the account by name, and the agents that have records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from include.aws import NOT_FOUND_CODES, client, error_code
from include.items import read
from include.knowledge.bases import list_knowledge_bases
from include.lists import USER_INDEX
from include.models import AgentStatus
from include.naming import PLATFORM, knowledge_base_name, runtime_name, vector_index_name
from include.runtime.runtimes import list_runtimes
from include.settings import get_settings

SERVING = frozenset({AgentStatus.ACTIVE, AgentStatus.PAUSED})


@dataclass(frozen=True)
class Resources:
    """Ids of knowledge bases and runtimes, creation times of vector indexes, each by name."""

    knowledge_bases: dict[str, str]
    runtimes: dict[str, str]
    indexes: dict[str, datetime]


@dataclass(frozen=True)
class KnownAgent:
    """An agent with a record, as an index has it: perhaps a moment old."""

    user_id: str
    agent_id: str
    is_serving: bool


def list_resources() -> Resources:
    """Everything in the account and region whose name begins as ours do: three lists."""
    bases = {base["name"]: base["knowledgeBaseId"] for base in list_knowledge_bases()}
    runtimes = {r["agentRuntimeName"]: r["agentRuntimeId"] for r in list_runtimes()}
    indexes = {index["indexName"]: index["creationTime"] for index in list_indexes()}
    return Resources(keep_ours(bases), keep_ours(runtimes), keep_ours(indexes))


def keep_ours(found: dict[str, Any]) -> dict[str, Any]:
    """Those whose names begin as ours do."""
    ours = (f"{PLATFORM}-", f"{PLATFORM}_")
    return {name: value for name, value in found.items() if name.startswith(ours)}


def list_indexes() -> list[dict[str, Any]]:
    """The vector indexes in our bucket; none while nobody has made it."""
    pages = client("s3vectors").get_paginator("list_indexes")
    bucket = get_settings().vector_bucket
    try:
        return [i for page in pages.paginate(vectorBucketName=bucket) for i in page["indexes"]]
    except ClientError as error:
        if error_code(error) in NOT_FOUND_CODES:
            return []
        raise


def list_known_agents() -> Iterator[KnownAgent]:
    """All agents of all users, deleted ones until their records are gone."""
    pages = client("dynamodb").get_paginator("scan")
    query = {
        "TableName": get_settings().agents_table,
        "IndexName": USER_INDEX,  # small items: no SOP is read
        "ProjectionExpression": "userId, agentId, #status, deletionRequestedAt",
        "ExpressionAttributeNames": {"#status": "status"},
    }
    for item in (read(item) for page in pages.paginate(**query) for item in page["Items"]):
        is_serving = item["status"] in SERVING and "deletionRequestedAt" not in item
        yield KnownAgent(item["userId"], item["agentId"], is_serving)


def list_names(agent_id: str) -> set[str]:
    """The names of all that is an agent's."""
    return {knowledge_base_name(agent_id), runtime_name(agent_id), vector_index_name(agent_id)}
