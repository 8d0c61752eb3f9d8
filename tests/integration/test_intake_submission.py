"""POST and GET of agents: what is stored, and what is shown of it."""

from __future__ import annotations

import json

import pytest

from include import records
from include.aws import client
from include.models import AgentStatus
from include.naming import agent_prefix
from tests.fakes import RETURNS, knowledge_base_of, list_keys, list_staged, store_agent

pytestmark = pytest.mark.usefixtures("no_airflow")

DOCUMENTS = "oratio-knowledge-bases"
FILE = ("policies/returns.md", RETURNS)


@pytest.fixture
def alice(sign_in):
    return sign_in()


def read_tags(key: str) -> dict[str, str]:
    answer = client("s3").get_object_tagging(Bucket=DOCUMENTS, Key=key)
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def test_a_submission_is_accepted(alice):
    answer = alice.submit(FILE, ("top.txt", b"Opening hours: nine to five."), voiceConfig="{}")
    assert answer.status_code == 201
    agent = answer.json
    assert (agent["status"], agent["userId"]) == ("creating", alice.user_id)
    assert agent["knowledgeBase"]["status"] == "notready"
    prefix = agent_prefix(alice.user_id, agent["agentId"])
    assert agent["knowledgeBase"]["s3Path"] == f"s3://{DOCUMENTS}/{prefix}"
    assert list_keys(DOCUMENTS, f"{alice.user_id}/") == [
        f"{prefix}policies/returns.md",
        f"{prefix}top.txt",
    ]
    assert list_staged(alice.user_id) == []
    stored = client("s3").get_object(Bucket=DOCUMENTS, Key=f"{prefix}policies/returns.md")
    assert stored["Body"].read() == RETURNS


def test_documents_are_tagged_for_cost(alice):
    agent_id = alice.submit(FILE).json["agentId"]
    key = agent_prefix(alice.user_id, agent_id) + FILE[0]
    tags = {"userId": alice.user_id, "agentId": agent_id, "resourceType": "knowledge-base"}
    assert read_tags(key) == tags


def test_described_documents_get_a_sidecar(alice):
    descriptions = {"policies/": "Terms for customers"}
    answer = alice.submit(FILE, ("a.md", b"x"), fileDescriptions=json.dumps(descriptions))
    prefix = agent_prefix(alice.user_id, answer.json["agentId"])
    sidecar = f"{prefix}policies/returns.md.metadata.json"
    assert [key for key in list_keys(DOCUMENTS, prefix) if "metadata" in key] == [sidecar]
    body = json.load(client("s3").get_object(Bucket=DOCUMENTS, Key=sidecar)["Body"])
    assert body["metadataAttributes"]["description"] == "Terms for customers"
    assert read_tags(sidecar)["resourceType"] == "knowledge-base"
    assert answer.json["knowledgeBase"]["folderFileDescriptions"] == descriptions
    assert [d["path"] for d in answer.json["knowledgeBase"]["documents"]] == [FILE[0], "a.md"]


def test_both_records_are_written_and_the_run_waits_for_airflow(alice):
    config = {"voice": "matthew", "rate": 16000, "speed": 1.1}
    answer = alice.submit(FILE, agentType="both", voiceConfig=json.dumps(config))
    agent = records.get_agent(alice.user_id, answer.json["agentId"])
    assert (agent.dispatch, agent.generation, agent.voice_config) == ("pending", 1, config)
    assert answer.json["voiceConfig"] == config
    base = knowledge_base_of(agent)
    assert (base.agent_id, base.user_id) == (agent.agent_id, alice.user_id)
    assert base.documents[0].size_bytes == len(RETURNS)


def test_a_large_document_is_stored_whole(alice):
    body = b"0123456789abcdef" * (1024 * 1024)  # 16 MiB: sent in several parts
    agent_id = alice.submit(("large.txt", body)).json["agentId"]
    key = agent_prefix(alice.user_id, agent_id) + "large.txt"
    assert client("s3").get_object(Bucket=DOCUMENTS, Key=key)["Body"].read() == body
    assert read_tags(key)["agentId"] == agent_id


def test_lists_hold_the_caller_s_own_newest_first(alice, sign_in):
    first = alice.submit(FILE, agentName="First").json
    second = alice.submit(FILE, agentName="Second").json
    sign_in().submit(FILE)
    assert [a["agentName"] for a in alice.get("/api/agents").json] == ["Second", "First"]
    assert {a["agentId"] for a in alice.get("/api/agents").json} == {
        first["agentId"],
        second["agentId"],
    }


def test_lists_can_be_filtered_by_status(alice):
    agent = store_agent(user_id=alice.user_id, agent_name="Old")
    records.update_agent(agent.ref, status=AgentStatus.ACTIVE)
    alice.submit(FILE, agentName="New")
    listed = alice.get("/api/agents?status_filter=active").json
    assert [a["agentName"] for a in listed] == ["Old"]
    assert alice.get("/api/agents?status_filter=paused").json == []


def test_an_agent_in_full(alice):
    agent_id = alice.submit(FILE).json["agentId"]
    shown = alice.get(f"/api/agents/{agent_id}").json
    assert shown["knowledgeBase"]["documents"] == [
        {"path": FILE[0], "sizeBytes": len(RETURNS), "status": "uploaded", "reason": None}
    ]
    assert shown["sop"].startswith("# SOP")
