"""Bedrock knowledge bases and their data source: one of each an agent, found again by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from include import records
from include.aws import client, create_unless_there, delete_if_there, find
from include.errors import (
    KnowledgeBaseFailedError,
    NameTakenError,
    NotReadyError,
    QuotaReachedError,
)
from include.knowledge.stores import get_store
from include.models import Agent, AgentRef, KnowledgeBase
from include.naming import (
    client_token,
    is_tagged_for,
    knowledge_base_name,
    knowledge_base_tags,
)
from include.settings import Settings, get_settings

DATA_SOURCE_NAME = "documents"
CHANGING_STATES = frozenset({"CREATING", "UPDATING", "DELETING"})
READY_STATES = frozenset({"ACTIVE", "AVAILABLE"})


def ensure_knowledge_base(agent: Agent) -> None:
    """Give the agent a knowledge base with a data source on its own prefix, ready for ingestion.

    Safe to repeat: stored ids come first, then a resource of the right name and tags, then create;
    of the data source, which has no tags, its name is looked for when Bedrock says it is taken.
    What was deleted behind our back is made again, what an earlier try found failed is replaced.

    :raises NotReadyError: while AWS is still creating one of the two.
    :raises KnowledgeBaseFailedError: when one of them ended in a failed state.
    """
    record = records.get_knowledge_base(agent.knowledge_base_id)
    stored_id = record.bedrock_knowledge_base_id
    base = find_base(stored_id) if stored_id else None
    if base is None:
        base = get_base(adopt_or_create(agent, record))
    if base["status"] == "FAILED":
        give_up(agent, record, base["knowledgeBaseId"])
    bedrock_id = base["knowledgeBaseId"]
    require_ready(f"Knowledge base {bedrock_id}", base, "knowledge_base", {"id": bedrock_id})
    data_source_id = find_stored_source(bedrock_id, record) or ensure_data_source(agent, bedrock_id)
    require_available(bedrock_id, data_source_id)


def resume_knowledge_base(agent: Agent) -> None:
    """Go on with a knowledge base that AWS has finished; creates nothing but its data source.

    Bedrock refuses the data source of a knowledge base that failed or is gone.
    """
    bedrock_id = agent.bedrock_knowledge_base_id
    require_available(bedrock_id, ensure_data_source(agent, bedrock_id))


def adopt_or_create(agent: Agent, record: KnowledgeBase) -> str:
    """Find or create the knowledge base and store its id and ARN at once."""
    settings = get_settings()
    found = find_knowledge_base(settings, agent.ref)
    found = found or create_knowledge_base(settings, agent, record.failed_bedrock_id)
    records.update_agent(agent.ref, bedrock_knowledge_base_arn=found["knowledgeBaseArn"])
    bedrock_id = str(found["knowledgeBaseId"])
    records.update_knowledge_base(
        agent.ref, record.knowledge_base_id, bedrock_knowledge_base_id=bedrock_id
    )
    return bedrock_id


def find_knowledge_base(settings: Settings, ref: AgentRef) -> dict[str, Any] | None:
    """This agent's knowledge base, or None while there is room for a new one.

    :raises NameTakenError: when the name belongs to something that is not this agent's.
    :raises QuotaReachedError: when there is none and the account has no room left.
    """
    count = 0
    for summary in list_knowledge_bases():
        count += 1
        if summary["name"] == knowledge_base_name(ref.agent_id):
            return require_ours(summary["knowledgeBaseId"], ref)
    if count >= settings.max_knowledge_bases:
        raise QuotaReachedError(
            f"The account holds {count} of {settings.max_knowledge_bases} knowledge bases. Delete "
            "agents you no longer need, or set KNOWLEDGE_BASE_STORE=managed (10,000 an account)."
        )
    return None


def list_knowledge_bases() -> Iterator[dict[str, Any]]:
    """Summaries of all knowledge bases of the account and region."""
    paginator = client("bedrock-agent").get_paginator("list_knowledge_bases")
    for page in paginator.paginate(PaginationConfig={"PageSize": 1000}):
        yield from page["knowledgeBaseSummaries"]


def require_ours(bedrock_id: str, ref: AgentRef) -> dict[str, Any]:
    """The knowledge base, once its tags have shown that it is this agent's."""
    found = get_base(bedrock_id)
    if not is_tagged_for(read_tags(found), ref):
        raise NameTakenError(
            f"Knowledge base {bedrock_id} has the name of agent {ref.agent_id} but not its tags. "
            "Rename or delete it, then retry."
        )
    return found


def read_tags(base: dict[str, Any]) -> dict[str, str]:
    """A knowledge base's tags; none when it is gone."""
    list_tags = client("bedrock-agent").list_tags_for_resource
    tags = find(list_tags, resourceArn=base["knowledgeBaseArn"])
    return dict(tags["tags"]) if tags else {}


def give_up(agent: Agent, record: KnowledgeBase, bedrock_id: str) -> None:
    """Store that the knowledge base failed; delete it when that is stored already.

    So a try that sees it fail says why, and the next one makes another.
    """
    if record.failed_bedrock_id == bedrock_id:
        delete_if_there(client("bedrock-agent").delete_knowledge_base, knowledgeBaseId=bedrock_id)
        ids = {"id": bedrock_id}
        raise NotReadyError(f"Knowledge base {bedrock_id} is replaced.", "knowledge_base", ids)
    records.update_knowledge_base(agent.ref, record.knowledge_base_id, failed_bedrock_id=bedrock_id)


def create_knowledge_base(
    settings: Settings, agent: Agent, failed_id: str | None
) -> dict[str, Any]:
    """Start the creation, in place of one that failed; AWS answers while it is still CREATING."""
    store = get_store(settings)
    store.prepare(settings, agent.ref)
    answer = client("bedrock-agent").create_knowledge_base(
        clientToken=client_token(agent.ref, f"knowledge-base-after-{failed_id}"),
        name=knowledge_base_name(agent.agent_id),
        description=agent.knowledge_base_description[:200],
        roleArn=settings.knowledge_base_role_arn,
        tags=knowledge_base_tags(settings, agent.ref),
        **store.configuration(settings, agent.ref),
    )
    created: dict[str, Any] = answer["knowledgeBase"]
    return created


def ensure_data_source(agent: Agent, bedrock_id: str) -> str:
    """Create the data source, or find the one that has its name already, and store its id."""
    data_source_id: str = create_unless_there(
        create_data_source,
        partial(find_namesake, bedrock_id),
        agent=agent,
        bedrock_id=bedrock_id,
    )
    records.update_knowledge_base(agent.ref, agent.knowledge_base_id, data_source_id=data_source_id)
    return data_source_id


def find_namesake(bedrock_id: str) -> str | None:
    """The id of the data source that has the name of ours."""
    by_name = {s["name"]: s["dataSourceId"] for s in list_data_sources(bedrock_id)}
    return by_name.get(DATA_SOURCE_NAME)


def list_data_sources(bedrock_id: str) -> list[dict[str, Any]]:
    """Summaries of a knowledge base's data sources."""
    paginator = client("bedrock-agent").get_paginator("list_data_sources")
    pages = paginator.paginate(knowledgeBaseId=bedrock_id)
    return [summary for page in pages for summary in page["dataSourceSummaries"]]


def create_data_source(agent: Agent, bedrock_id: str) -> str:
    """Create the data source with the chunking of the settings (immutable afterwards)."""
    settings = get_settings()
    chunking = {
        "chunkingStrategy": "FIXED_SIZE",
        "fixedSizeChunkingConfiguration": {
            "maxTokens": settings.chunk_tokens,
            "overlapPercentage": settings.chunk_overlap_percentage,
        },
    }
    answer = client("bedrock-agent").create_data_source(
        clientToken=client_token(agent.ref, "data-source"),
        knowledgeBaseId=bedrock_id,
        name=DATA_SOURCE_NAME,
        dataDeletionPolicy="DELETE",
        dataSourceConfiguration=get_store(settings).data_source(settings, agent.ref),
        vectorIngestionConfiguration={"chunkingConfiguration": chunking},
    )
    return str(answer["dataSource"]["dataSourceId"])


def find_base(bedrock_id: str) -> dict[str, Any] | None:
    """Bedrock's description of a knowledge base, or None when it is gone."""
    found = find(client("bedrock-agent").get_knowledge_base, knowledgeBaseId=bedrock_id)
    return found and found["knowledgeBase"]


def get_base(bedrock_id: str) -> dict[str, Any]:
    """Bedrock's description of a knowledge base that was there just now."""
    found = client("bedrock-agent").get_knowledge_base(knowledgeBaseId=bedrock_id)
    base: dict[str, Any] = found["knowledgeBase"]
    return base


def find_source(bedrock_id: str, data_source_id: str) -> dict[str, Any] | None:
    """Bedrock's description of a data source, or None when it is gone."""
    get = client("bedrock-agent").get_data_source
    found = find(get, knowledgeBaseId=bedrock_id, dataSourceId=data_source_id)
    return found and found["dataSource"]


def find_stored_source(bedrock_id: str, record: KnowledgeBase) -> str | None:
    """The stored data source's id, unless it is gone: perhaps with an earlier knowledge base."""
    stored = record.data_source_id
    return stored if stored and find_source(bedrock_id, stored) else None


def require_available(bedrock_id: str, data_source_id: str) -> None:
    """Return when the data source is AVAILABLE."""
    ids = {"id": bedrock_id, "data_source_id": data_source_id}
    found = client("bedrock-agent").get_data_source(
        knowledgeBaseId=bedrock_id, dataSourceId=data_source_id
    )
    require_ready(f"Data source {data_source_id}", found["dataSource"], "data_source", ids)


def require_ready(what: str, state: dict[str, Any], probe: str, ids: dict[str, str]) -> None:
    """Return, ask to wait, or fail, by the resource's status."""
    status = state["status"]
    if status in CHANGING_STATES:
        raise NotReadyError(f"{what} is {status}.", probe, ids)
    if status not in READY_STATES:
        raise KnowledgeBaseFailedError(
            f"{what} is {status}: {describe(state).removesuffix('.')}. Retry the agent; "
            "if that fails too, report it with the agent's id."
        )


def describe(state: dict[str, Any]) -> str:
    """Bedrock's reasons for a state."""
    return "; ".join(state.get("failureReasons") or ["AWS gave no reason"])


def is_data_source_settled(id: str, data_source_id: str) -> bool:
    """Whether a data source has stopped changing; one that is gone has."""
    found = find_source(id, data_source_id)
    return found is None or found["status"] not in CHANGING_STATES
