"""The ledger: what was made and deleted, for which agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from moto.core.base_backend import BackendDict

from include.aws import client
from include.creator.publish import publish_code
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import Agent
from include.naming import bundle_key
from include.runtime.deploy import deploy_runtime
from include.settings import get_settings
from local.aws.ledger import Ledger
from local.aws.snapshot import Snapshot
from tests.fakes import knowledge_base_of, reload, settle, store_agent

ONE = {"created": 1, "live": 1}
KINDS = (
    "vector_index", "knowledge_base", "data_source", "ingestion_job",
    "runtime", "runtime_version", "endpoint",
)  # fmt: skip


@pytest.fixture
def agent(faults: Any) -> Agent:
    """An agent with everything a creation makes."""
    agent = store_agent()
    ensure_knowledge_base(agent)
    settle(agent, lambda current: ingest_documents(current, False))
    publish_code(reload(agent))
    deploy_runtime(reload(agent), False)
    return reload(agent)


def counts(faults: Any, agent: Agent) -> Any:
    return faults.ledger(agent.agent_id)["agents"][agent.agent_id]


def test_a_creation_makes_one_of_each(faults, agent) -> None:
    assert counts(faults, agent) == dict.fromkeys(KINDS, ONE)
    ids = {entry["kind"]: entry["id"] for entry in faults.ledger()["entries"]}
    assert ids["runtime"] == agent.agentcore_agent_id
    assert ids["knowledge_base"] == knowledge_base_of(agent).bedrock_knowledge_base_id


def test_doing_it_all_again_makes_nothing(faults, agent) -> None:
    ensure_knowledge_base(agent)
    settle(agent, lambda current: ingest_documents(current, False))
    deploy_runtime(reload(agent), False)
    assert counts(faults, agent) == dict.fromkeys(KINDS, ONE)


def test_what_is_made_twice_shows(faults, agent) -> None:
    other = "somebodys_copy"
    runtime = client("bedrock-agentcore-control").get_agent_runtime(
        agentRuntimeId=agent.agentcore_agent_id
    )
    client("bedrock-agentcore-control").create_agent_runtime(
        agentRuntimeName=other,
        clientToken=str(uuid4()),
        agentRuntimeArtifact=runtime["agentRuntimeArtifact"],
        roleArn=runtime["roleArn"],
        networkConfiguration={"networkMode": "PUBLIC"},
        tags={"agentId": agent.agent_id, "kind": "a tag may have any name"},
    )
    assert counts(faults, agent)["runtime"] == {"created": 2, "live": 2}


def test_what_is_deleted_is_live_no_more(faults, agent) -> None:
    delete_all(agent)
    assert {kind["live"] for kind in counts(faults, agent).values()} == {0}
    entries = faults.ledger(agent.agent_id)["entries"]
    assert all(entry["deleted_at"] >= entry["created_at"] for entry in entries)


def delete_all(agent: Agent) -> None:
    """In the order AWS asks for."""
    control, bedrock = client("bedrock-agentcore-control"), client("bedrock-agent")
    runtime_id = agent.agentcore_agent_id
    control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="production")
    control.delete_agent_runtime(agentRuntimeId=runtime_id)
    record = knowledge_base_of(agent)
    bedrock_id = record.bedrock_knowledge_base_id
    bedrock.delete_data_source(knowledgeBaseId=bedrock_id, dataSourceId=record.data_source_id)
    bedrock.delete_knowledge_base(knowledgeBaseId=bedrock_id)
    bucket = get_settings().vector_bucket
    client("s3vectors").delete_index(vectorBucketName=bucket, indexName=f"oratio-{agent.agent_id}")


def test_a_versions_name_tells_its_bundle(faults, agent) -> None:
    [version] = [e for e in faults.ledger()["entries"] if e["kind"] == "runtime_version"]
    assert bundle_key(agent.ref) in version["name"]
    assert version["name"].endswith(f"versionId={agent.agent_code_s3_version}")


def test_it_is_kept_with_the_state(faults, agent, tmp_path: Path) -> None:
    before = faults.ledger()
    Snapshot(tmp_path).save()
    BackendDict.reset()
    assert faults.ledger()["entries"] == []
    Snapshot(tmp_path).restore()
    assert faults.ledger() == before


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("oratio-0b6c1f0e-8d4f-4d4e-9d0a-0123456789ab", "0b6c1f0e-8d4f-4d4e-9d0a-0123456789ab"),
        ("oratio_0b6c1f0e8d4f4d4e9d0a0123456789ab", "0b6c1f0e-8d4f-4d4e-9d0a-0123456789ab"),
        ("somebody's own", None),
    ],
)
def test_a_name_tells_the_agent(name: str, owner: str | None) -> None:
    ledger = Ledger("us-east-1", "123456789012")
    ledger.record_create("runtime", "id", name)
    ledger.record_create("endpoint", "arn", "production", parent="id")
    assert [entry.agent_id for entry in ledger.entries] == [owner, owner]


def test_a_name_used_again_is_an_entry_of_its_own() -> None:
    ledger = Ledger("us-east-1", "123456789012")
    for _ in range(2):
        ledger.record_create("endpoint", "arn", "production")
        ledger.record_delete("arn")
    ledger.record_create("endpoint", "arn", "production")
    assert [entry.deleted_at is None for entry in ledger.entries] == [False, False, True]
