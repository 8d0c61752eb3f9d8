"""From a POST to answers, through every real part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.settings import ROOT

pytestmark = pytest.mark.system

SAMPLES = ROOT / "samples"


@pytest.fixture(scope="module")
def sample_agent(stack: Any) -> tuple[Any, dict[str, Any]]:
    """An active agent made of the samples."""
    form = json.loads((SAMPLES / "agent.json").read_text())
    fields = {name: v if isinstance(v, str) else json.dumps(v) for name, v in form.items()}
    folder = SAMPLES / "documents"
    documents = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    tenant = stack.tenant("sampler")
    agent = tenant.create(documents, **fields, sop=(SAMPLES / "sop.md").read_text())
    return tenant, tenant.wait_for(agent["agentId"], "active")


def test_agent_is_active_with_every_document_indexed(sample_agent: Any) -> None:
    _, agent = sample_agent
    assert agent["knowledgeBase"]["status"] == "ready"
    statuses = {d["path"]: d["status"] for d in agent["knowledgeBase"]["documents"]}
    assert set(statuses.values()) == {"indexed"}, statuses
    assert len(statuses) >= 8
    assert {step["status"] for step in agent["steps"].values()} == {"succeeded"}
    assert agent["apiEndpoint"].endswith(f"/agents/{agent['agentId']}/chat")
    assert agent["generatedPrompt"]


@pytest.mark.parametrize(
    "sample", json.loads((SAMPLES / "questions.json").read_text()), ids=lambda s: s["document"]
)
def test_answer_quotes_the_right_document(sample_agent: Any, sample: dict[str, str]) -> None:
    tenant, agent = sample_agent
    answer = tenant.ask(agent["agentId"], sample["question"])
    assert sample["expect"] in answer["answer"]
    assert sample["document"] in [citation["document"] for citation in answer["citations"]]


def test_resources_carry_the_tags_of_the_specification(stack: Any, sample_agent: Any) -> None:
    _, agent = sample_agent
    expected = {"userId": "sampler", "agentId": agent["agentId"], "platform": "oratio"}
    bedrock, control = stack.aws("bedrock-agent"), stack.aws("bedrock-agentcore-control")
    bedrock_id = agent["knowledgeBase"]["bedrockKnowledgeBaseId"]
    arns = bedrock.get_knowledge_base(knowledgeBaseId=bedrock_id)["knowledgeBase"]
    tags = bedrock.list_tags_for_resource(resourceArn=arns["knowledgeBaseArn"])["tags"]
    assert expected.items() <= tags.items()
    runtimes = control.list_agent_runtimes()["agentRuntimes"]
    arn = next(
        r["agentRuntimeArn"]
        for r in runtimes
        if agent["agentId"].replace("-", "") in r["agentRuntimeName"]
    )
    assert expected.items() <= control.list_tags_for_resource(resourceArn=arn)["tags"].items()


def test_unreadable_document_is_shown_while_others_are_served(stack: Any) -> None:
    tenant = stack.tenant("mixed")
    documents = {"good.md": b"# Hours\n\nThe shop opens at nine.", "broken.pdf": b"%PDF-1.7 cut"}
    agent = tenant.wait_for(tenant.create(documents)["agentId"], "active")
    by_path = {d["path"]: d for d in agent["knowledgeBase"]["documents"]}
    assert by_path["good.md"]["status"] == "indexed"
    assert by_path["broken.pdf"]["status"] == "failed"
    assert by_path["broken.pdf"]["reason"]


def test_agent_of_only_unreadable_documents_fails_with_name_and_reason(stack: Any) -> None:
    tenant = stack.tenant("unreadable")
    agent = tenant.wait_for(tenant.create({"broken.pdf": b"%PDF-1.7 cut"})["agentId"], "failed")
    assert agent["failure"]["code"] == "ingestion_failed"
    assert "broken.pdf" in agent["failure"]["message"]
    assert agent["failedStep"] == "ingest_documents"
    assert agent["knowledgeBase"]["status"] == "error"
