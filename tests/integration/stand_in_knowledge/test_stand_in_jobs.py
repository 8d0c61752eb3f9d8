"""Ingestion jobs of the stand-in: stopped, limited, saved, and failed by a restart."""

from __future__ import annotations

import pickle
import threading

import pytest

from local.aws.knowledge import sync
from local.aws.knowledge.backend import knowledge_backends
from local.aws.knowledge.extract import ExtractionError
from tests.knowledge_calls import (
    ACCOUNT,
    CHANGED,
    OVER,
    REGION,
    counts,
    create_base,
    create_source,
    get_job,
    ingest,
    put,
    refused,
    wait_for,
)


class Blocking:
    """An extractor that waits until it is released."""

    def __init__(self):
        self.reached, self.released = threading.Event(), threading.Event()

    def extract(self, name, data):
        self.reached.set()
        if not self.released.wait(30):
            raise ExtractionError("never released")
        return data.decode()


@pytest.fixture
def blocking(monkeypatch):
    extractor = Blocking()
    monkeypatch.setattr(sync, "EXTRACTOR", extractor)
    yield extractor
    extractor.released.set()


def start_blocked(aws, blocking, name="base"):
    """A job that stands still in the middle of its first of two documents."""
    for key in ("u/a/1.txt", "u/a/2.txt"):
        put(aws, key, "Text")
    base = create_base(aws, name=name)
    ids = {"knowledgeBaseId": base, "dataSourceId": create_source(aws, base)}
    job_id = aws.agent.start_ingestion_job(**ids)["ingestionJob"]["ingestionJobId"]
    assert blocking.reached.wait(30)
    return ids, job_id


def test_a_stopped_job_begins_no_other_document(aws, blocking):
    ids, job_id = start_blocked(aws, blocking)
    assert get_job(aws, ids, job_id)["status"] == "IN_PROGRESS"

    aws.agent.stop_ingestion_job(**ids, ingestionJobId=job_id)
    assert get_job(aws, ids, job_id)["status"] == "STOPPING"
    blocking.released.set()
    job = wait_for(lambda: get_job(aws, ids, job_id), lambda job: job["status"] in OVER)

    assert job["status"] == "STOPPED"
    assert counts(job) == {"DocumentsScanned": 1, "NewDocumentsIndexed": 1}
    stop = aws.agent.stop_ingestion_job
    assert refused(stop, **ids, ingestionJobId=job_id) == "ConflictException"


def test_the_end_of_a_job_counts_as_a_change_to_be_saved(aws, blocking):
    start_blocked(aws, blocking)
    CHANGED.clear()

    blocking.released.set()

    assert CHANGED.wait(30)


def test_one_job_a_base_and_a_limit_for_the_account(aws, blocking, monkeypatch):
    monkeypatch.setenv("STAND_IN_QUOTA_INGESTION_JOBS", "1")
    ids, _ = start_blocked(aws, blocking)
    other = create_base(aws, name="other")
    other_ids = {"knowledgeBaseId": other, "dataSourceId": create_source(aws, other)}

    start = aws.agent.start_ingestion_job
    assert refused(start, **ids) == "ConflictException"
    assert refused(start, **other_ids) == "ServiceQuotaExceededException"
    assert refused(aws.agent.delete_data_source, **ids) == "ConflictException"


def test_the_start_rate_can_be_limited(aws, monkeypatch):
    monkeypatch.setenv("STAND_IN_INGESTION_STARTS_PER_SECOND", "0.001")
    base = create_base(aws)
    source = create_source(aws, base)
    ingest(aws, base, source)

    ids = {"knowledgeBaseId": base, "dataSourceId": source}
    assert refused(aws.agent.start_ingestion_job, **ids) == "ThrottlingException"


def test_a_restart_in_the_middle_fails_the_job_and_keeps_the_rest(aws, blocking):
    put(aws, "u/a/0.txt", "Text")
    ids, job_id = start_blocked(aws, blocking)
    backend = knowledge_backends[ACCOUNT][REGION]
    saved = pickle.dumps(backend.__dict__)
    blocking.released.set()
    wait_for(lambda: get_job(aws, ids, job_id), lambda job: job["status"] in OVER)

    backend.__dict__ = pickle.loads(saved)

    job = get_job(aws, ids, job_id)
    assert job["status"] == "FAILED"
    assert "restarted" in job["failureReasons"][0]
    again = aws.agent.start_ingestion_job(**ids)["ingestionJob"]["ingestionJobId"]
    done = wait_for(lambda: get_job(aws, ids, again), lambda job: job["status"] in OVER)
    assert done["status"] == "COMPLETE"
    listed = aws.agent.list_ingestion_jobs(**ids)["ingestionJobSummaries"]
    assert [summary["status"] for summary in listed] == ["COMPLETE", "FAILED"]
