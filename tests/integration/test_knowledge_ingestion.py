"""Ingestion: each document is judged, one bad one spoils nothing, and no job runs twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest

from include import documents, records
from include.aws import client
from include.errors import IngestionFailedError, NotReadyError
from include.knowledge import spacing
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import DataSource, ingest_documents, list_jobs
from include.knowledge.retrieval import retrieve
from include.naming import run_id
from include.waits import is_settled
from local.aws.knowledge.backend import knowledge_backends
from tests.fakes import (
    RETURNS,
    ROOT,
    CrashError,
    CrashOnce,
    knowledge_base_of,
    list_keys,
    reload,
    store_agent,
)

JOB = "bedrock-agent::ingestion_job"
TORN_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Cat"

pytestmark = pytest.mark.usefixtures("stand_in")


def prepare(files=None, **changes):
    """An agent with its documents in S3 and its knowledge base ready for them."""
    agent = store_agent(files, **changes)
    ensure_knowledge_base(agent)
    return reload(agent)


def ingest(agent, redo=False):
    """Ingest, waiting as the trigger does."""
    while True:
        try:
            ingest_documents(reload(agent), redo)
            return knowledge_base_of(agent)
        except NotReadyError as pending:
            redo = False
            while not is_settled(pending.probe, pending.ids):
                pass


def jobs_of(agent):
    return list_jobs(DataSource.of(knowledge_base_of(agent)))


def state_of(agent, job_id):
    """The stand-in's own state of a job, to break it."""
    record = knowledge_base_of(agent)
    backend = knowledge_backends["123456789012"]["us-east-1"]
    return backend.get_job(record.bedrock_knowledge_base_id, record.data_source_id, job_id)


def statuses(record):
    return {document.path: document.status for document in record.documents}


def test_all_documents_are_indexed_and_found():
    agent = prepare({"returns.md": RETURNS, "deep/er/hours.txt": b"Open from nine to five."})
    record = ingest(agent)
    assert record.status == "ready"
    assert statuses(record) == {"returns.md": "indexed", "deep/er/hours.txt": "indexed"}
    [job] = jobs_of(agent)
    assert record.ingestion_job_id == job["ingestionJobId"]
    assert job["description"] == run_id(agent.ref)
    [passage, *_] = retrieve(record.bedrock_knowledge_base_id, "How long for returns?")
    assert passage.document == f"{record.s3_path}returns.md"


def test_descriptions_are_no_documents():
    agent = store_agent()
    documents.put_sidecar(agent.ref, "returns.md", "Terms")
    ensure_knowledge_base(agent)
    assert statuses(ingest(agent)) == {"returns.md": "indexed"}


def test_one_unreadable_document_among_good_ones_is_shown_with_its_reason():
    record = ingest(prepare({"returns.md": RETURNS, "torn.pdf": TORN_PDF}))
    assert record.status == "ready"
    assert statuses(record) == {"returns.md": "indexed", "torn.pdf": "failed"}
    [torn] = [document for document in record.documents if document.path == "torn.pdf"]
    assert torn.reason


def test_only_unreadable_documents_fail_the_step_by_name():
    agent = prepare({"torn.pdf": TORN_PDF, "also/torn.pdf": TORN_PDF})
    with pytest.raises(IngestionFailedError) as caught:
        ingest(agent)
    record = knowledge_base_of(agent)
    assert record.status == "error"
    assert set(statuses(record).values()) == {"failed"}
    for document in record.documents:
        assert f"{document.path}: {document.reason}" in caught.value.message


def test_a_document_that_never_reached_s3_is_not_called_indexed():
    agent = prepare({"returns.md": RETURNS, "lost.md": b"Lost."})
    key = f"{agent.user_id}/{agent.agent_id}/lost.md"
    client("s3").delete_object(Bucket="oratio-knowledge-bases", Key=key)
    assert statuses(ingest(agent)) == {"returns.md": "indexed", "lost.md": "failed"}


def test_an_empty_folder_is_a_failure():
    agent = prepare()
    documents.delete_documents(agent.ref)
    with pytest.raises(IngestionFailedError, match="found no documents"):
        ingest(agent)


def test_deleted_documents_leave_no_version_behind():
    agent = store_agent({"a.md": b"1", "b/c.md": b"2"})
    other = store_agent(user_id=agent.user_id)
    documents.put_document(agent.ref, "a.md", BytesIO(b"3"))
    documents.delete_documents(agent.ref)
    left = list_keys("oratio-knowledge-bases", f"{agent.user_id}/")
    assert left == [f"{other.user_id}/{other.agent_id}/returns.md"]


def test_a_running_job_is_adopted(stand_in):
    agent = prepare()
    stand_in.set_polls(JOB, 50)
    for _ in range(3):
        with pytest.raises(NotReadyError) as pending:
            ingest_documents(reload(agent), False)
        assert pending.value.probe == "ingestion_job"
    assert len(jobs_of(agent)) == 1
    assert pending.value.ids["job_id"] == jobs_of(agent)[0]["ingestionJobId"]
    assert not is_settled("ingestion_job", pending.value.ids)
    stand_in.unset_transitions()


def test_a_job_whose_start_was_not_recorded_is_adopted(monkeypatch):
    agent = prepare()
    crashing = CrashOnce(records.update_knowledge_base, ingestion_job_id="lost")
    monkeypatch.setattr(records, "update_knowledge_base", crashing)
    with pytest.raises(CrashError):
        ingest_documents(reload(agent), False)
    assert ingest(agent).status == "ready"
    assert len(jobs_of(agent)) == 1


def test_a_finished_job_is_not_repeated():
    agent = prepare()
    ingest(agent)
    assert ingest(agent).status == "ready"
    assert ingest(agent, redo=True).status == "ready"
    assert len(jobs_of(agent)) == 1


def test_after_a_failure_the_mended_documents_are_ingested_anew():
    agent = prepare({"torn.pdf": TORN_PDF})
    with pytest.raises(IngestionFailedError):
        ingest(agent)
    mended = (ROOT / "samples" / "documents" / "products" / "heron-touring.pdf").read_bytes()
    documents.put_document(agent.ref, "torn.pdf", BytesIO(mended))
    assert statuses(ingest(agent, redo=True)) == {"torn.pdf": "indexed"}
    assert knowledge_base_of(agent).status == "ready"
    assert len(jobs_of(agent)) == 2


def test_a_new_generation_has_a_job_of_its_own():
    agent = prepare()
    ingest(agent)
    records.update_agent(agent.ref, generation=2)
    ingest(reload(agent))
    descriptions = [job["description"] for job in jobs_of(agent)]
    assert descriptions == [f"agent-{agent.agent_id}-g2", f"agent-{agent.agent_id}-g1"]


@pytest.mark.parametrize("outcome", ["FAILED", "STOPPED"])
def test_a_job_that_did_not_complete_is_a_failure_and_is_redone(outcome):
    agent = prepare()
    ingest(agent)
    job = state_of(agent, jobs_of(agent)[0]["ingestionJobId"])
    job.finish(outcome, "The bucket cannot be read.")
    with pytest.raises(IngestionFailedError, match=f"{outcome}: The bucket cannot be read"):
        ingest(agent)
    assert ingest(agent, redo=True).status == "ready"
    assert len(jobs_of(agent)) == 2


def test_the_account_s_limit_of_jobs_at_a_time_passes(monkeypatch):
    agent = prepare()
    monkeypatch.setenv("STAND_IN_QUOTA_INGESTION_JOBS", "0")
    with pytest.raises(NotReadyError) as busy:
        ingest_documents(reload(agent), False)
    assert busy.value.probe == "ingestion_start"
    monkeypatch.delenv("STAND_IN_QUOTA_INGESTION_JOBS")
    assert ingest(agent).status == "ready"


def test_the_account_s_pace_is_kept_by_waiting(configure, monkeypatch):
    configure(INGESTION_START_SPACING_SECONDS=3600)
    monkeypatch.setattr(spacing, "KEY", {"userId": {"S": f".test-{uuid4()}"}})
    first, second = prepare(), prepare()
    assert ingest(first).status == "ready"
    with pytest.raises(NotReadyError) as wait:
        ingest_documents(reload(second), False)
    assert jobs_of(second) == []
    assert not is_settled(wait.value.probe, wait.value.ids)
    monkeypatch.setattr(spacing, "datetime", Tomorrow)
    assert is_settled(wait.value.probe, wait.value.ids)
    assert ingest(second).status == "ready"


class Tomorrow(datetime):
    """A clock one day ahead."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=1)


def test_of_many_at_once_one_may_start(configure, monkeypatch):
    configure(INGESTION_START_SPACING_SECONDS=3600)
    monkeypatch.setattr(spacing, "KEY", {"userId": {"S": f".test-{uuid4()}"}})

    def try_start(_):
        try:
            spacing.take_start()
        except NotReadyError:
            return False
        return True

    with ThreadPoolExecutor(8) as executor:
        assert sum(executor.map(try_start, range(16))) == 1


def test_two_tenants_never_find_each_other_s_passages():
    alice = prepare({"rules.md": b"Returns are possible within 30 days of delivery."})
    bob = prepare({"rules.md": b"Returns are possible within 7 days of delivery."})
    for agent, own, foreign in ((alice, "30 days", "7 days"), (bob, "7 days", "30 days")):
        record = ingest(agent)
        passages = retrieve(record.bedrock_knowledge_base_id, "How many days for returns?", 10)
        assert passages
        assert all(p.document.startswith(record.s3_path) for p in passages)
        text = " ".join(passage.text for passage in passages)
        assert own in text
        assert foreign not in text


@pytest.mark.parametrize("store", ["s3_vectors", "managed"])
def test_retrieval_in_each_store(configure, store):
    configure(KNOWLEDGE_BASE_STORE=store)
    record = ingest(prepare())
    passages = retrieve(record.bedrock_knowledge_base_id, "How long for returns?", limit=1)
    assert len(passages) == 1
    assert "30 days" in passages[0].text
    assert passages[0].score > 0
