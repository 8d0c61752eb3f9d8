"""One Bedrock knowledge base and data source an agent, however often the step is interrupted."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from include import records
from include.aws import client
from include.errors import (
    AccessDeniedError,
    ConflictError,
    KnowledgeBaseFailedError,
    NameTakenError,
    NotReadyError,
    QuotaReachedError,
    RetryableError,
)
from include.knowledge import bases
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.opensearch import require_created
from include.knowledge.stores import prepare_opensearch_index
from include.naming import knowledge_base_name
from include.settings import get_settings
from include.steps import run_step
from include.waits import is_settled
from local.aws.knowledge.backend import knowledge_backends
from local.aws.knowledge.collections import collection_backends
from tests.fakes import CrashError, CrashOnce, knowledge_base_of, reload, store_agent

KNOWLEDGE_BASE, DATA_SOURCE = "bedrock-agent::knowledge_base", "bedrock-agent::data_source"
STORES = ["s3_vectors", "managed", "opensearch_serverless"]


@pytest.fixture
def bedrock(stand_in):
    return client("bedrock-agent")


@pytest.fixture
def agent(stand_in):
    return store_agent()


def named(agent) -> list[str]:
    """Ids of all knowledge bases of the agent's name."""
    name = knowledge_base_name(agent.agent_id)
    return [s["knowledgeBaseId"] for s in bases.list_knowledge_bases() if s["name"] == name]


def sources_of(bedrock, bedrock_id: str) -> list[str]:
    answer = bedrock.list_data_sources(knowledgeBaseId=bedrock_id)
    return [summary["dataSourceId"] for summary in answer["dataSourceSummaries"]]


def ensure(agent):
    ensure_knowledge_base(reload(agent))
    return knowledge_base_of(agent)


def state_of(bedrock_id: str):
    """The stand-in's own state of a knowledge base, to break it."""
    backend = knowledge_backends["123456789012"]["us-east-1"]
    return backend.get_knowledge_base(bedrock_id)


def forget_tokens(bedrock_id: str) -> None:
    """As AWS does within minutes: only a look can tell then what exists already."""
    base = state_of(bedrock_id)
    for resource in (base, *base.data_sources.values()):
        resource.client_token = None


@pytest.mark.parametrize("store", STORES)
def test_from_nothing(agent, bedrock, configure, stand_in_url, store):
    configure(KNOWLEDGE_BASE_STORE=store, **opensearch(stand_in_url))
    record = ensure(agent)
    found = bedrock.get_knowledge_base(knowledgeBaseId=record.bedrock_knowledge_base_id)
    base = found["knowledgeBase"]
    assert (base["status"], base["name"]) == ("ACTIVE", f"oratio-{agent.agent_id}")
    assert reload(agent).bedrock_knowledge_base_arn == base["knowledgeBaseArn"]
    assert sources_of(bedrock, base["knowledgeBaseId"]) == [record.data_source_id]


def opensearch(stand_in_url):
    """Settings of a collection whose address is the stand-in's."""
    collection = "arn:aws:aoss:us-east-1:123456789012:collection/abcdefghij"
    return {"OPENSEARCH_COLLECTION_ARN": collection, "OPENSEARCH_ENDPOINT": stand_in_url}


def test_the_opensearch_index_is_made_once_with_bedrock_s_fields(agent, configure, stand_in_url):
    configure(KNOWLEDGE_BASE_STORE="opensearch_serverless", **opensearch(stand_in_url))
    ensure(agent)
    prepare_opensearch_index(get_settings(), agent.ref)
    indexes = collection_backends["123456789012"]["us-east-1"].indexes
    mapping = indexes[f"oratio-{agent.agent_id}"]["mappings"]["properties"]
    assert mapping["vector"]["dimension"] == 1024
    assert set(mapping) == {"vector", "text", "metadata"}


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, AccessDeniedError), (429, RetryableError), (503, RetryableError)],
)
def test_an_opensearch_refusal_says_whether_to_try_again(status, error):
    with pytest.raises(error):
        require_created("oratio-x", httpx.Response(status, text="no"))


def test_the_data_source_reads_the_agent_s_folder_in_chunks_as_specified(agent, bedrock):
    record = ensure(agent)
    source = bedrock.get_data_source(
        knowledgeBaseId=record.bedrock_knowledge_base_id, dataSourceId=record.data_source_id
    )["dataSource"]
    s3 = source["dataSourceConfiguration"]["s3Configuration"]
    assert s3["inclusionPrefixes"] == [f"{agent.user_id}/{agent.agent_id}/"]
    assert s3["bucketArn"] == "arn:aws:s3:::oratio-knowledge-bases"
    assert source["vectorIngestionConfiguration"]["chunkingConfiguration"] == {
        "chunkingStrategy": "FIXED_SIZE",
        "fixedSizeChunkingConfiguration": {"maxTokens": 500, "overlapPercentage": 20},
    }


def test_it_is_tagged_for_cost(agent, bedrock):
    ensure(agent)
    arn = reload(agent).bedrock_knowledge_base_arn
    assert bedrock.list_tags_for_resource(resourceArn=arn)["tags"] == {
        "userId": agent.user_id,
        "agentId": agent.agent_id,
        "platform": "oratio",
        "environment": "production",
    }


def test_twice_is_once(agent, bedrock):
    first = ensure(agent)
    second = ensure(agent)
    assert first.bedrock_knowledge_base_id == second.bedrock_knowledge_base_id
    assert named(agent) == [first.bedrock_knowledge_base_id]
    assert sources_of(bedrock, named(agent)[0]) == [first.data_source_id]


@pytest.mark.parametrize(
    ("function", "attribute"),
    [
        ("update_agent", "bedrock_knowledge_base_arn"),
        ("update_knowledge_base", "bedrock_knowledge_base_id"),
        ("update_knowledge_base", "data_source_id"),
    ],
)
def test_what_was_created_before_a_crash_is_adopted(
    agent, bedrock, monkeypatch, function, attribute
):
    crashing = CrashOnce(getattr(records, function), **{attribute: "lost"})
    monkeypatch.setattr(records, function, crashing)
    with pytest.raises(CrashError):
        ensure(agent)
    [before] = named(agent)
    forget_tokens(before)
    record = ensure(agent)
    assert named(agent) == [before] == [record.bedrock_knowledge_base_id]
    assert sources_of(bedrock, before) == [record.data_source_id]


def test_a_crash_between_the_vector_index_and_the_knowledge_base(agent, monkeypatch):
    bedrock = client("bedrock-agent")
    create = CrashOnce(bedrock.create_knowledge_base)
    monkeypatch.setattr(bedrock, "create_knowledge_base", create)
    with pytest.raises(CrashError):
        ensure(agent)
    assert ensure(agent).bedrock_knowledge_base_id == named(agent)[0]


@pytest.mark.parametrize(
    "tags",
    [{}, {"userId": "mallory"}, {"agentId": "0b8e7f6a-0000-0000-0000-000000000000"}],
)
def test_a_foreign_knowledge_base_of_that_name_is_not_taken(agent, bedrock, tags):
    own = {"userId": agent.user_id, "agentId": agent.agent_id}
    created = bedrock.create_knowledge_base(
        name=knowledge_base_name(agent.agent_id),
        roleArn="arn:aws:iam::123456789012:role/other",
        knowledgeBaseConfiguration={"type": "MANAGED", "managedKnowledgeBaseConfiguration": {}},
        tags=own | tags if tags else {},
    )["knowledgeBase"]
    with pytest.raises(NameTakenError, match=created["knowledgeBaseId"]):
        ensure(agent)
    assert knowledge_base_of(agent).bedrock_knowledge_base_id is None
    assert sources_of(bedrock, created["knowledgeBaseId"]) == []


def test_a_full_account_is_not_asked_for_more(empty_stand_in, configure, monkeypatch):
    configure(KNOWLEDGE_BASE_QUOTA=2)
    kept = [store_agent(), store_agent()]
    for agent in kept:
        ensure(agent)

    def create(**arguments):
        raise AssertionError("AWS was asked")

    monkeypatch.setattr(client("bedrock-agent"), "create_knowledge_base", create)
    with pytest.raises(QuotaReachedError, match=r"2 of 2.*managed"):
        ensure(store_agent())
    assert ensure(kept[0]).bedrock_knowledge_base_id  # who has one keeps it


def test_a_quota_only_aws_knows_of(empty_stand_in, monkeypatch):
    monkeypatch.setenv("STAND_IN_QUOTA_KNOWLEDGE_BASES", "0")
    agent = store_agent()
    with pytest.raises(client("bedrock-agent").exceptions.ServiceQuotaExceededException):
        ensure(agent)


@pytest.mark.parametrize(
    ("model", "probe"), [(KNOWLEDGE_BASE, "knowledge_base"), (DATA_SOURCE, "data_source")]
)
def test_what_is_still_being_created_is_waited_for(stand_in, agent, configure, model, probe):
    configure(KNOWLEDGE_BASE_STORE="managed")  # the one whose data sources take time
    stand_in.set_polls(model, 3)
    with pytest.raises(NotReadyError, match="CREATING") as pending:
        ensure(agent)
    assert pending.value.probe == probe
    looks = [is_settled(probe, pending.value.ids) for _ in range(3)]
    assert looks == [False, True, True]
    assert ensure(agent).data_source_id


def test_waiting_makes_no_second_one(stand_in, agent):
    stand_in.set_polls(KNOWLEDGE_BASE, 4)
    for _ in range(2):
        with pytest.raises(NotReadyError):
            ensure(agent)
    assert len(named(agent)) == 1


@pytest.mark.parametrize("status", ["FAILED", "DELETE_UNSUCCESSFUL"])
def test_a_failed_knowledge_base_says_why(agent, status):
    bedrock_id = ensure(agent).bedrock_knowledge_base_id
    base = state_of(bedrock_id)
    base.lifecycle.enter(status)
    base.failure_reasons = ["The role cannot be assumed."]
    with pytest.raises(KnowledgeBaseFailedError, match=f"{status}: The role cannot be assumed"):
        ensure(agent)
    assert is_settled("knowledge_base", {"id": bedrock_id})


def test_the_next_try_replaces_a_failed_knowledge_base(agent, bedrock):
    failed_id = ensure(agent).bedrock_knowledge_base_id
    state_of(failed_id).lifecycle.enter("FAILED")
    with pytest.raises(KnowledgeBaseFailedError):
        ensure(agent)
    with pytest.raises(NotReadyError):
        ensure(agent)
    record = ensure(agent)
    assert record.bedrock_knowledge_base_id != failed_id
    assert named(agent) == [record.bedrock_knowledge_base_id]
    assert sources_of(bedrock, record.bedrock_knowledge_base_id) == [record.data_source_id]


def test_a_failed_data_source_says_why(agent):
    record = ensure(agent)
    source = state_of(record.bedrock_knowledge_base_id).data_sources[record.data_source_id]
    source.lifecycle.enter("FAILED")
    with pytest.raises(KnowledgeBaseFailedError, match=r"Data source .* AWS gave no reason"):
        ensure(agent)


def test_what_is_gone_is_not_waited_for(stand_in):
    ids = {"id": "ABCDEFGHIJ"}
    assert is_settled("knowledge_base", ids)
    assert is_settled("data_source", ids | {"data_source_id": "KLMNOPQRST"})


def test_an_error_of_aws_s_while_waiting_is_passed_on(stand_in, monkeypatch):
    denied = SimpleNamespace(get_knowledge_base=client("bedrock-agent").create_knowledge_base)
    monkeypatch.setattr(bases, "client", lambda service: denied)
    with pytest.raises(Exception, match="Parameter validation"):
        is_settled("knowledge_base", {"id": "ABCDEFGHIJ"})


def test_a_conflict_with_no_index_there_is_tried_again(faults, agent):
    faults.put({"kind": "conflict", "operation": "CreateIndex", "count": 1})
    with pytest.raises(ConflictError):
        run_step(agent.ref, "s", 1, lambda current, redo: ensure_knowledge_base(current))
    assert ensure(agent).data_source_id
