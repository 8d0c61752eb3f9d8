import pickle

import pytest
from moto.moto_api import state_manager

from local.aws.knowledge.models import (
    INGESTION_JOB_MODEL,
    KNOWLEDGE_BASE_MODEL,
    Chunk,
    DataSource,
    Document,
    IngestionJob,
    KnowledgeBase,
    Lifecycle,
)


@pytest.fixture
def polls():
    """Makes every transition take two looks."""
    models = (KNOWLEDGE_BASE_MODEL, INGESTION_JOB_MODEL)
    for model in models:
        state_manager.set_transition(model, {"progression": "manual", "times": 2})
    yield
    for model in models:
        state_manager.unset_transition(model)


def test_a_lifecycle_ends_at_once_by_default():
    assert Lifecycle(KNOWLEDGE_BASE_MODEL, "CREATING", "ACTIVE").current == "ACTIVE"


def test_a_lifecycle_takes_the_configured_looks(polls):
    lifecycle = Lifecycle(KNOWLEDGE_BASE_MODEL, "CREATING", "ACTIVE")
    seen = []
    for _ in range(3):
        lifecycle.advance()
        seen.append(lifecycle.current)
    assert seen == ["CREATING", "ACTIVE", "ACTIVE"]

    lifecycle.enter("DELETING", "GONE")
    assert lifecycle.current == "DELETING"


def test_a_lifecycle_of_one_state_stays_there(polls):
    lifecycle = Lifecycle(KNOWLEDGE_BASE_MODEL, "AVAILABLE")
    for _ in range(5):
        lifecycle.advance()
    assert lifecycle.current == "AVAILABLE"


def test_a_job_hides_its_outcome_until_the_delay_is_over(polls):
    job = IngestionJob("J", None, None)
    job.finish("COMPLETE")
    seen = []
    for _ in range(5):
        seen.append(job.status)
        job.lifecycle.advance()
    assert seen == ["STARTING", "STARTING", "IN_PROGRESS", "IN_PROGRESS", "COMPLETE"]


def test_a_job_is_in_progress_while_its_work_lasts():
    job = IngestionJob("J", None, None)
    assert job.status == "IN_PROGRESS"

    job.stop_requested = True
    assert job.status == "STOPPING"

    job.finish("STOPPED")
    assert job.status == "STOPPED"


def test_the_state_survives_a_pickle():
    chunk = Chunk("C", "text")
    document = Document("s3://b/k", "D", "etag", None, chunks=(chunk,))
    source = DataSource("D", "K", None, {}, Lifecycle("m", "AVAILABLE"), {"s3://b/k": document})
    base = KnowledgeBase("K", "arn", None, {"name": "kb"}, {}, data_sources={"D": source})

    restored = pickle.loads(pickle.dumps(base))

    (document,) = restored.documents()
    assert document.chunks[0].text == "text"
    assert restored.lifecycle.current == "ACTIVE"
