"""The knowledge half of the AWS stand-in over HTTP, with boto3 and with the AWS CLI."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws.knowledge import sync
from local.aws.knowledge.backend import knowledge_backends
from local.aws.knowledge.extract import ExtractionError
from local.aws.server import build_server

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/kb"
MODEL = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.titan-embed-text-v2:0"
BEDROCK_KEYS = ["AMAZON_BEDROCK_TEXT", "AMAZON_BEDROCK_METADATA"]
CHUNKING = {
    "chunkingStrategy": "FIXED_SIZE",
    "fixedSizeChunkingConfiguration": {"maxTokens": 500, "overlapPercentage": 20},
}
CHANGED = threading.Event()
OVER = ("COMPLETE", "FAILED", "STOPPED")


@pytest.fixture(scope="module")
def url():
    server = build_server(0, CHANGED.set)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def aws(url):
    requests.post(f"{url}/moto-api/reset", timeout=10).raise_for_status()

    def client(service):
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )

    clients = SimpleNamespace(
        url=url,
        s3=client("s3"),
        vectors=client("s3vectors"),
        agent=client("bedrock-agent"),
        runtime=client("bedrock-agent-runtime"),
    )
    clients.s3.create_bucket(Bucket="docs")
    yield clients
    requests.post(
        f"{url}/moto-api/state-manager/unset-transition",
        json={"model_name": "bedrock-agent::knowledge_base"},
        timeout=10,
    ).raise_for_status()


def put(aws, key, text):
    aws.s3.put_object(Bucket="docs", Key=key, Body=text)


def create_index(aws, name="chunks", keys=BEDROCK_KEYS, dimension=1024):
    if not aws.vectors.list_vector_buckets()["vectorBuckets"]:
        aws.vectors.create_vector_bucket(vectorBucketName="vectors")
    settings = {"metadataConfiguration": {"nonFilterableMetadataKeys": keys}} if keys else {}
    return aws.vectors.create_index(
        vectorBucketName="vectors",
        indexName=name,
        dataType="float32",
        dimension=dimension,
        distanceMetric="cosine",
        **settings,
    )["indexArn"]


def base_settings(aws, store, name="base", **index):
    settings = {"name": name, "roleArn": ROLE}
    if store == "MANAGED":
        config = {"type": "MANAGED", "managedKnowledgeBaseConfiguration": {}}
        return settings | {"knowledgeBaseConfiguration": config}
    if store == "S3_VECTORS":
        arn = create_index(aws, name=f"index-{name}", **index)
        storage = {"type": store, "s3VectorsConfiguration": {"indexArn": arn}}
    else:
        fields = {"vectorField": "v", "textField": "t", "metadataField": "m"}
        collection = f"arn:aws:aoss:{REGION}:{ACCOUNT}:collection/abcdefghij"
        opensearch = {"collectionArn": collection, "vectorIndexName": "i", "fieldMapping": fields}
        storage = {"type": store, "opensearchServerlessConfiguration": opensearch}
    config = {"type": "VECTOR", "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": MODEL}}
    return settings | {"knowledgeBaseConfiguration": config, "storageConfiguration": storage}


def create_base(aws, store="S3_VECTORS", name="base", **index):
    settings = base_settings(aws, store, name, **index)
    return aws.agent.create_knowledge_base(**settings)["knowledgeBase"]["knowledgeBaseId"]


def source_settings(store="S3_VECTORS", prefix="u/a/"):
    if store == "MANAGED":
        parameters = {
            "type": "S3",
            "version": "1",
            "connectionConfiguration": {"bucketName": "docs"},
            "filterConfiguration": {"inclusionPrefixes": [prefix]},
        }
        connector = {"connectorParameters": parameters}
        config = {
            "type": "MANAGED_KNOWLEDGE_BASE_CONNECTOR",
            "managedKnowledgeBaseConnectorConfiguration": connector,
        }
    else:
        s3 = {"bucketArn": "arn:aws:s3:::docs", "inclusionPrefixes": [prefix]}
        config = {"type": "S3", "s3Configuration": s3}
    return {
        "dataSourceConfiguration": config,
        "vectorIngestionConfiguration": {"chunkingConfiguration": CHUNKING},
    }


def create_source(aws, base, store="S3_VECTORS", prefix="u/a/", name="source", **more):
    settings = source_settings(store, prefix) | more
    created = aws.agent.create_data_source(knowledgeBaseId=base, name=name, **settings)
    return created["dataSource"]["dataSourceId"]


def wait_for(look, done, seconds=30):
    deadline = time.monotonic() + seconds
    while not done(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.01)
    return seen


def get_job(aws, ids, job_id):
    return aws.agent.get_ingestion_job(**ids, ingestionJobId=job_id)["ingestionJob"]


def ingest(aws, base, source):
    ids = {"knowledgeBaseId": base, "dataSourceId": source}
    started = aws.agent.start_ingestion_job(**ids)["ingestionJob"]
    assert started["status"] == "STARTING"
    job_id = started["ingestionJobId"]
    return wait_for(lambda: get_job(aws, ids, job_id), lambda job: job["status"] in OVER)


def counts(job):
    """The statistics that are not zero, without their common beginning."""
    return {k.removeprefix("numberOf"): v for k, v in job["statistics"].items() if v}


def statuses(aws, base, source):
    listed = aws.agent.list_knowledge_base_documents(knowledgeBaseId=base, dataSourceId=source)
    return {
        detail["identifier"]["s3"]["uri"].rpartition("/")[2]: detail["status"]
        for detail in listed["documentDetails"]
    }


def retrieve(aws, base, question, store="S3_VECTORS", **search):
    name = "managedSearchConfiguration" if store == "MANAGED" else "vectorSearchConfiguration"
    return aws.runtime.retrieve(
        knowledgeBaseId=base,
        retrievalQuery={"text": question},
        retrievalConfiguration={name: search},
    )["retrievalResults"]


def refused(call, *args, **kwargs):
    """The error code of a call that must fail."""
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    return error.value.response["Error"]["Code"]


def set_transition(aws, transition):
    requests.post(
        f"{aws.url}/moto-api/state-manager/set-transition",
        json={"model_name": "bedrock-agent::knowledge_base", "transition": transition},
        timeout=10,
    ).raise_for_status()


@pytest.mark.parametrize("store", ["S3_VECTORS", "MANAGED", "OPENSEARCH_SERVERLESS"])
def test_a_question_finds_the_ingested_passage(aws, store):
    put(aws, "u/a/policies/returns.md", "Goods may be returned within 30 days.")
    put(aws, "u/a/hours.txt", "The shop opens at nine.")
    base = create_base(aws, store)
    source = create_source(aws, base, store)

    job = ingest(aws, base, source)
    first, *_ = retrieve(aws, base, "When can I return goods?", store, numberOfResults=1)

    assert job["status"] == "COMPLETE"
    assert counts(job) == {"DocumentsScanned": 2, "NewDocumentsIndexed": 2}
    assert first["content"]["text"] == "Goods may be returned within 30 days."
    assert first["location"]["s3Location"]["uri"] == "s3://docs/u/a/policies/returns.md"
    assert 0 < first["score"] < 1
    assert first["metadata"]["x-amz-bedrock-kb-data-source-id"] == source


def test_two_tenants_with_contradicting_documents_stay_apart(aws):
    answers = {"a": "30 days", "a2": "14 days"}
    for agent, answer in answers.items():
        put(aws, f"u/{agent}/returns.txt", f"Goods may be returned within {answer}.")
    bases = {agent: create_base(aws, name=agent) for agent in answers}
    for agent, base in bases.items():
        ingest(aws, base, create_source(aws, base, prefix=f"u/{agent}/"))

    for agent, base in bases.items():
        found = retrieve(aws, base, "How many days for a return?", numberOfResults=100)
        assert [answers[agent] in passage["content"]["text"] for passage in found] == [True]


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


def test_the_filter_reads_the_sidecar(aws):
    for year in (2025, 2026):
        put(aws, f"u/a/{year}.txt", "Prices of the year")
        sidecar = {"metadataAttributes": {"year": year, "kind": "prices"}}
        put(aws, f"u/a/{year}.txt.metadata.json", json.dumps(sidecar))
    base = create_base(aws)
    ingest(aws, base, create_source(aws, base))
    newer = {"greaterThan": {"key": "year", "value": 2025}}
    kind = {"equals": {"key": "kind", "value": "prices"}}

    found = retrieve(aws, base, "prices", filter={"andAll": [newer, kind]})

    assert [passage["metadata"]["year"] for passage in found] == [2026]


def test_retrieve_refuses_what_the_store_cannot_do(aws):
    base = create_base(aws)
    starts = {"startsWith": {"key": "kind", "value": "p"}}

    assert refused(retrieve, aws, base, "x", filter=starts) == "ValidationException"
    assert refused(retrieve, aws, base, "x", overrideSearchType="HYBRID") == "ValidationException"
    assert refused(retrieve, aws, base, "x", store="MANAGED") == "ValidationException"
    assert refused(retrieve, aws, base, "x" * 1001) == "ValidationException"
    assert refused(retrieve, aws, base, "x", numberOfResults=101) == "ValidationException"
    assert refused(retrieve, aws, "ABCDEFGHIJ", "x") == "ResourceNotFoundException"
    assert retrieve(aws, base, "nothing is ingested") == []


def test_names_are_unique_and_tokens_are_not_new_requests(aws):
    settings = base_settings(aws, "MANAGED")
    token = "t" * 33
    first = aws.agent.create_knowledge_base(**settings, clientToken=token)["knowledgeBase"]
    again = aws.agent.create_knowledge_base(**settings, clientToken=token)["knowledgeBase"]
    assert again["knowledgeBaseId"] == first["knowledgeBaseId"]
    assert refused(aws.agent.create_knowledge_base, **settings) == "ConflictException"

    base = first["knowledgeBaseId"]
    source = create_source(aws, base, "MANAGED", clientToken=token)
    assert create_source(aws, base, "MANAGED", clientToken=token) == source
    assert refused(create_source, aws, base, "MANAGED") == "ConflictException"

    ids = {"knowledgeBaseId": base, "dataSourceId": source, "clientToken": token}
    jobs = {aws.agent.start_ingestion_job(**ids)["ingestionJob"]["ingestionJobId"] for _ in "ab"}
    assert len(jobs) == 1


def test_a_base_takes_its_time_and_nothing_happens_before(aws):
    set_transition(aws, {"progression": "manual", "times": 2})
    base = create_base(aws)

    def status():
        return aws.agent.get_knowledge_base(knowledgeBaseId=base)["knowledgeBase"]["status"]

    assert refused(create_source, aws, base) == "ConflictException"
    assert refused(retrieve, aws, base, "x") == "ValidationException"
    assert [status(), status()] == ["CREATING", "ACTIVE"]
    create_source(aws, base)
    assert aws.agent.delete_knowledge_base(knowledgeBaseId=base)["status"] == "DELETING"
    assert status() == "DELETING"
    assert refused(status) == "ResourceNotFoundException"


def test_update_tags_and_lists(aws):
    settings = base_settings(aws, "MANAGED")
    base = aws.agent.create_knowledge_base(**settings, tags={"userId": "u"})["knowledgeBase"]
    arn, base_id = base["knowledgeBaseArn"], base["knowledgeBaseId"]
    create_base(aws, name="other")

    aws.agent.tag_resource(resourceArn=arn, tags={"platform": "oratio"})
    aws.agent.untag_resource(resourceArn=arn, tagKeys=["userId"])
    aws.agent.update_knowledge_base(**settings | {"name": "new"}, knowledgeBaseId=base_id)

    assert aws.agent.list_tags_for_resource(resourceArn=arn)["tags"] == {"platform": "oratio"}
    pages = aws.agent.get_paginator("list_knowledge_bases").paginate(
        PaginationConfig={"PageSize": 1}
    )
    names = [item["name"] for page in pages for item in page["knowledgeBaseSummaries"]]
    assert names == ["new", "other"]
    taken = {"knowledgeBaseId": base_id} | settings | {"name": "other"}
    assert refused(aws.agent.update_knowledge_base, **taken) == "ConflictException"


def test_the_chunking_of_a_data_source_cannot_change(aws):
    base = create_base(aws)
    source = create_source(aws, base)
    ids = {"knowledgeBaseId": base, "dataSourceId": source}
    changed = source_settings() | {
        "vectorIngestionConfiguration": {"chunkingConfiguration": {"chunkingStrategy": "NONE"}}
    }

    assert refused(aws.agent.update_data_source, **ids, name="n", **changed) == (
        "ValidationException"
    )
    aws.agent.update_data_source(**ids, name="renamed", **source_settings())
    listed = aws.agent.list_data_sources(knowledgeBaseId=base)["dataSourceSummaries"]
    assert [summary["name"] for summary in listed] == ["renamed"]


@pytest.mark.parametrize(
    "s3",
    [
        {"bucketArn": "arn:aws:s3:::docs", "inclusionPrefixes": ["a/", "b/"]},
        {"bucketArn": "arn:aws:s3:::docs", "inclusionPrefixes": ["x" * 301]},
        {"bucketArn": "docs"},
    ],
)
def test_a_data_source_takes_one_short_prefix(aws, s3):
    config = {"dataSourceConfiguration": {"type": "S3", "s3Configuration": s3}}

    assert refused(create_source, aws, create_base(aws), **config) == "ValidationException"


def test_the_vector_index_must_exist_and_fit(aws):
    missing = base_settings(aws, "S3_VECTORS", "missing")
    aws.vectors.delete_index(vectorBucketName="vectors", indexName="index-missing")

    assert refused(aws.agent.create_knowledge_base, **missing) == "ValidationException"
    assert refused(create_base, aws, name="narrow", dimension=512) == "ValidationException"


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


def test_deleting_after_the_index_is_gone_does_not_succeed(aws):
    put(aws, "u/a/a.txt", "Text")
    base = create_base(aws)
    source = create_source(aws, base)
    ingest(aws, base, source)
    aws.vectors.delete_index(vectorBucketName="vectors", indexName="index-base")

    aws.agent.delete_data_source(knowledgeBaseId=base, dataSourceId=source)
    aws.agent.delete_knowledge_base(knowledgeBaseId=base)

    ids = {"knowledgeBaseId": base}
    left = aws.agent.get_data_source(**ids, dataSourceId=source)["dataSource"]
    assert left["status"] == "DELETE_UNSUCCESSFUL"
    assert aws.agent.get_knowledge_base(**ids)["knowledgeBase"]["status"] == "DELETE_UNSUCCESSFUL"


@pytest.mark.parametrize(("policy", "left"), [("DELETE", 0), ("RETAIN", 1)])
def test_the_deletion_policy_decides_about_the_chunks(aws, policy, left):
    put(aws, "u/a/a.txt", "Text")
    base = create_base(aws)
    source = create_source(aws, base, dataDeletionPolicy=policy)
    ingest(aws, base, source)

    aws.agent.delete_data_source(knowledgeBaseId=base, dataSourceId=source)

    assert aws.agent.list_data_sources(knowledgeBaseId=base)["dataSourceSummaries"] == []
    assert len(retrieve(aws, base, "text")) == left


def test_a_missing_bucket_fails_the_job(aws):
    base = create_base(aws)
    s3 = {"bucketArn": "arn:aws:s3:::absent", "inclusionPrefixes": ["u/a/"]}
    config = {"dataSourceConfiguration": {"type": "S3", "s3Configuration": s3}}

    job = ingest(aws, base, create_source(aws, base, **config))

    assert job["status"] == "FAILED"
    assert "does not exist" in job["failureReasons"][0]


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


def test_bases_are_counted_by_kind(aws, monkeypatch):
    monkeypatch.setenv("STAND_IN_QUOTA_KNOWLEDGE_BASES", "1")
    create_base(aws, name="first")

    assert refused(create_base, aws, name="second") == "ServiceQuotaExceededException"
    create_base(aws, "MANAGED", name="third")


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


def test_the_aws_cli_goes_the_whole_way(aws, tmp_path):
    program = Path(sys.executable).with_name("aws")
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    places = {"AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "", "HOME": str(tmp_path)}

    def cli(command, **options):
        words = [program, "--endpoint-url", aws.url, "--output", "json", *command.split()]
        for name, value in options.items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{name.replace('_', '-')}", text]
        done = subprocess.run(
            words,
            env={"PATH": os.environ["PATH"], **keys, **places},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    body = tmp_path / "returns.txt"
    body.write_text("Goods may be returned within 30 days.")
    cli("s3api create-bucket --bucket shop")
    cli("s3api put-object --bucket shop --key u/a/returns.txt", body=str(body))
    cli("s3vectors create-vector-bucket --vector-bucket-name vectors")
    index = cli(
        "s3vectors create-index --vector-bucket-name vectors --index-name chunks "
        "--data-type float32 --dimension 1024 --distance-metric cosine",
        metadata_configuration={"nonFilterableMetadataKeys": BEDROCK_KEYS},
    )["indexArn"]
    vector = {"type": "VECTOR", "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": MODEL}}
    base = cli(
        f"bedrock-agent create-knowledge-base --name shop --role-arn {ROLE}",
        knowledge_base_configuration=vector,
        storage_configuration={
            "type": "S3_VECTORS",
            "s3VectorsConfiguration": {"indexArn": index},
        },
    )["knowledgeBase"]["knowledgeBaseId"]
    s3 = {"bucketArn": "arn:aws:s3:::shop", "inclusionPrefixes": ["u/a/"]}
    source = cli(
        f"bedrock-agent create-data-source --knowledge-base-id {base} --name shop",
        data_source_configuration={"type": "S3", "s3Configuration": s3},
        vector_ingestion_configuration={"chunkingConfiguration": CHUNKING},
    )["dataSource"]["dataSourceId"]
    ids = f"--knowledge-base-id {base} --data-source-id {source}"
    job = cli(f"bedrock-agent start-ingestion-job {ids}")["ingestionJob"]["ingestionJobId"]
    look = f"bedrock-agent get-ingestion-job {ids} --ingestion-job-id {job}"
    done = wait_for(lambda: cli(look)["ingestionJob"], lambda job: job["status"] in OVER, 60)
    found = cli(
        f"bedrock-agent-runtime retrieve --knowledge-base-id {base}",
        retrieval_query={"text": "How many days for a return?"},
    )["retrievalResults"]

    assert done["status"] == "COMPLETE"
    assert counts(done) == {"DocumentsScanned": 1, "NewDocumentsIndexed": 1}
    assert [passage["content"]["text"] for passage in found] == [body.read_text()]
