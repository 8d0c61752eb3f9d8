"""How Bedrock's word on jobs and documents is judged."""

from __future__ import annotations

import pytest

from include.errors import IngestionFailedError, NotReadyError
from include.knowledge.ingestion import DataSource, is_rejected, judge, require_scanned
from include.models import Document, KnowledgeBaseStatus
from tests.fakes import make_agent, make_knowledge_base

SOURCE = DataSource("KB00000001", "DS00000001")
DOCUMENT = Document(path="policies/returns.md", size_bytes=10)


@pytest.mark.parametrize("status", ["INDEXED", "PARTIALLY_INDEXED", "METADATA_PARTIALLY_INDEXED"])
def test_indexed(status):
    judged = judge(DOCUMENT, {"status": status}, SOURCE)
    assert (judged.status, judged.reason, judged.path) == ("indexed", None, DOCUMENT.path)


def test_a_partly_indexed_document_keeps_its_reason():
    judged = judge(DOCUMENT, {"status": "PARTIALLY_INDEXED", "statusReason": "page 3"}, SOURCE)
    assert (judged.status, judged.reason) == ("indexed", "page 3")


@pytest.mark.parametrize(
    "status", ["FAILED", "IGNORED", "NOT_FOUND", "METADATA_UPDATE_FAILED", "SOMETHING_NEW"]
)
def test_anything_else_failed_for_a_reason(status):
    judged = judge(DOCUMENT, {"status": status, "statusReason": "torn"}, SOURCE)
    assert (judged.status, judged.reason) == ("failed", "torn")
    assert status in judge(DOCUMENT, {"status": status}, SOURCE).reason


def test_a_document_bedrock_does_not_know_failed():
    judged = judge(DOCUMENT, None, SOURCE)
    assert judged.status == "failed"
    assert "skipped" in judged.reason


@pytest.mark.parametrize("status", ["PENDING", "STARTING", "IN_PROGRESS"])
def test_a_document_in_progress_is_waited_for(status):
    with pytest.raises(NotReadyError) as pending:
        judge(DOCUMENT, {"status": status}, SOURCE)
    assert pending.value.probe == "documents"
    assert pending.value.ids == {"id": "KB00000001", "data_source_id": "DS00000001"}


@pytest.mark.parametrize(
    ("job", "base", "expected"),
    [
        ("COMPLETE", "notready", False),
        ("COMPLETE", "error", True),
        ("FAILED", "notready", True),
        ("STOPPED", "notready", True),
        ("IN_PROGRESS", "error", False),
        ("STOPPING", "error", False),
    ],
)
def test_which_jobs_are_not_worth_adopting(job, base, expected):
    record = make_knowledge_base(make_agent(), {})
    record.status = KnowledgeBaseStatus(base)
    assert is_rejected({"status": job}, record) is expected


@pytest.mark.parametrize("job", [{}, {"statistics": {"numberOfDocumentsScanned": 0}}])
def test_a_job_that_saw_nothing_failed(job):
    agent = make_agent(user_id="alice")
    with pytest.raises(IngestionFailedError, match=f"alice/{agent.agent_id}/"):
        require_scanned(job, agent)
