"""Resources that end badly on demand, as the product meets them."""

from __future__ import annotations

from typing import Any

import pytest

from include.creator.publish import publish_code
from include.errors import (
    IngestionFailedError,
    KnowledgeBaseFailedError,
    RuntimeFailedError,
)
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import Agent
from include.runtime.deploy import deploy_runtime
from tests.fakes import RETURNS, knowledge_base_of, reload, settle, store_agent

REASON = "Because the test says so"
FILES = {f"page-{number}.md": RETURNS for number in range(10)}


def ingest(agent: Agent, redo: bool = False) -> Any:
    """Ingest the agent's documents; returns the record of its knowledge base."""
    settle(agent, lambda current: ingest_documents(current, redo))
    return knowledge_base_of(agent)


def prepare() -> Agent:
    """An agent with ten documents, a knowledge base and its code."""
    agent = store_agent(FILES)
    ensure_knowledge_base(agent)
    publish_code(reload(agent))
    return reload(agent)


def test_the_next_knowledge_base_ends_failed(faults) -> None:
    faults.put(outcomes=[{"ending": "knowledge_base FAILED", "reason": REASON}])
    with pytest.raises(KnowledgeBaseFailedError, match=REASON):
        ensure_knowledge_base(store_agent())
    ensure_knowledge_base(store_agent())


def test_only_the_named_resource_ends_badly(faults) -> None:
    unlucky = store_agent()
    faults.put(outcomes=[{"ending": "knowledge_base FAILED", "name": f"*{unlucky.agent_id}"}])
    ensure_knowledge_base(store_agent())
    with pytest.raises(KnowledgeBaseFailedError):
        ensure_knowledge_base(unlucky)
    [outcome] = faults.state()["outcomes"]
    assert outcome["used"] == [f"oratio-{unlucky.agent_id}"]


def test_an_ingestion_job_ends_failed(faults) -> None:
    agent = prepare()
    faults.put(outcomes=[{"ending": "ingestion_job FAILED", "reason": REASON}])
    with pytest.raises(IngestionFailedError, match=REASON):
        ingest(agent)
    assert ingest(agent, redo=True).status == "ready"


def test_an_ingestion_job_ends_stopped(faults) -> None:
    agent = prepare()
    faults.put(outcomes=[{"ending": "ingestion_job STOPPED"}])
    with pytest.raises(IngestionFailedError, match="STOPPED"):
        ingest(agent)


def test_one_of_ten_documents_fails(faults) -> None:
    agent = prepare()
    faults.put(outcomes=[{"ending": "document FAILED", "name": "*/page-3.md", "reason": REASON}])
    documents = {document.path: document for document in ingest(agent).documents}
    failed = documents.pop("page-3.md")
    assert (failed.status, REASON in failed.reason) == ("failed", True)
    assert {document.status for document in documents.values()} == {"indexed"}


def test_all_documents_fail_while_it_lasts(faults) -> None:
    agent = prepare()
    faults.put(outcomes=[{"ending": "document FAILED", "count": None}])
    with pytest.raises(IngestionFailedError):
        ingest(agent)
    assert len(faults.state()["outcomes"][0]["used"]) == len(FILES)


def test_a_runtime_ends_create_failed_then_update_failed(faults) -> None:
    agent = prepare()
    faults.put(
        outcomes=[
            {"ending": "runtime CREATE_FAILED", "reason": "first", "name": f"*{agent.agent_id}"},
            {"ending": "runtime UPDATE_FAILED", "reason": "second"},
        ]
    )
    with pytest.raises(RuntimeFailedError, match=r"CREATE_FAILED.*first"):
        deploy_runtime(reload(agent), False)
    with pytest.raises(RuntimeFailedError, match=r"UPDATE_FAILED.*second"):
        deploy_runtime(reload(agent), True)
    deploy_runtime(reload(agent), True)
    assert reload(agent).agentcore_agent_version == "3"
