"""What a job of the stand-in makes of documents: new, changed, removed, unreadable, too large."""

from __future__ import annotations

import json

import pytest

from local.aws.knowledge import sync
from tests.knowledge_calls import (
    BEDROCK_KEYS,
    counts,
    create_base,
    create_source,
    ingest,
    put,
    retrieve,
    statuses,
)


def test_statistics_follow_what_changed(aws):
    for name in ("same", "changed", "described", "removed"):
        put(aws, f"u/a/{name}.txt", f"The {name} document")
    base = create_base(aws)
    source = create_source(aws, base)
    assert counts(ingest(aws, base, source)) == {"DocumentsScanned": 4, "NewDocumentsIndexed": 4}
    assert counts(ingest(aws, base, source)) == {"DocumentsScanned": 4}

    put(aws, "u/a/changed.txt", "A zebra")
    put(aws, "u/a/new.txt", "The new document")
    put(aws, "u/a/described.txt.metadata.json", json.dumps({"metadataAttributes": {"year": 2026}}))
    aws.s3.delete_object(Bucket="docs", Key="u/a/removed.txt")
    again = counts(ingest(aws, base, source))

    assert again == {
        "DocumentsScanned": 4,
        "MetadataDocumentsScanned": 1,
        "NewDocumentsIndexed": 1,
        "ModifiedDocumentsIndexed": 1,
        "MetadataDocumentsModified": 1,
        "DocumentsDeleted": 1,
    }
    texts = [passage["content"]["text"] for passage in retrieve(aws, base, "zebra document")]
    assert sorted(texts) == [
        "A zebra",
        "The described document",
        "The new document",
        "The same document",
    ]


def test_documents_fail_and_are_skipped_one_by_one(aws):
    put(aws, "u/a/good.txt", "Readable")
    put(aws, "u/a/broken.pdf", "%PDF-1.4 cut off")
    put(aws, "u/a/picture.png", "x")
    put(aws, "u/a/forged.txt", "Sidecar without attributes")
    put(aws, "u/a/forged.txt.metadata.json", "[]")
    base = create_base(aws)
    source = create_source(aws, base)

    job = ingest(aws, base, source)

    assert job["status"] == "COMPLETE"
    assert counts(job) == {
        "DocumentsScanned": 4,
        "MetadataDocumentsScanned": 1,
        "NewDocumentsIndexed": 1,
        "DocumentsFailed": 2,
        "DocumentsSkipped": 1,
    }
    assert [reason.split(": ")[0] for reason in job["failureReasons"]] == [
        "s3://docs/u/a/broken.pdf",
        "s3://docs/u/a/forged.txt",
    ]
    assert statuses(aws, base, source) == {
        "good.txt": "INDEXED",
        "broken.pdf": "FAILED",
        "picture.png": "IGNORED",
        "forged.txt": "FAILED",
    }
    uris = ["s3://docs/u/a/broken.pdf", "s3://docs/u/a/nothing.txt"]
    details = aws.agent.get_knowledge_base_documents(
        knowledgeBaseId=base,
        dataSourceId=source,
        documentIdentifiers=[{"dataSourceType": "S3", "s3": {"uri": uri}} for uri in uris],
    )["documentDetails"]
    assert [detail["status"] for detail in details] == ["FAILED", "NOT_FOUND"]
    assert "cannot be read" in details[0]["statusReason"]


def test_a_large_document_fails(aws, monkeypatch):
    monkeypatch.setattr(sync, "MAX_DOCUMENT_BYTES", 10)
    put(aws, "u/a/large.txt", "more than ten bytes")
    base = create_base(aws)

    job = ingest(aws, base, create_source(aws, base))

    assert counts(job) == {"DocumentsScanned": 1, "DocumentsFailed": 1}


@pytest.mark.parametrize(("store", "status"), [("S3_VECTORS", "IGNORED"), ("MANAGED", "INDEXED")])
def test_a_sidecar_over_a_kilobyte_hides_its_document_on_s3_vectors(aws, store, status):
    put(aws, "u/a/a.txt", "Text")
    attributes = {"description": {"value": {"type": "STRING", "stringValue": "d" * 1024}}}
    put(aws, "u/a/a.txt.metadata.json", json.dumps({"metadataAttributes": attributes}))
    base = create_base(aws, store)
    source = create_source(aws, base, store)

    ingest(aws, base, source)

    assert statuses(aws, base, source) == {"a.txt": status}


@pytest.mark.parametrize(("keys", "status"), [(None, "FAILED"), (BEDROCK_KEYS, "INDEXED")])
def test_only_an_index_made_for_bedrock_takes_long_chunks(aws, keys, status):
    put(aws, "u/a/long.txt", "word " * 500)
    put(aws, "u/a/short.txt", "word")
    base = create_base(aws, keys=keys)
    source = create_source(aws, base)

    job = ingest(aws, base, source)

    assert statuses(aws, base, source) == {"long.txt": status, "short.txt": "INDEXED"}
    reasons = " ".join(job.get("failureReasons", []))
    assert ("Filterable metadata must have at most 2048 bytes" in reasons) is (keys is None)


def test_a_missing_bucket_fails_the_job(aws):
    base = create_base(aws)
    s3 = {"bucketArn": "arn:aws:s3:::absent", "inclusionPrefixes": ["u/a/"]}
    config = {"dataSourceConfiguration": {"type": "S3", "s3Configuration": s3}}

    job = ingest(aws, base, create_source(aws, base, **config))

    assert job["status"] == "FAILED"
    assert "does not exist" in job["failureReasons"][0]
