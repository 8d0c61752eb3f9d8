"""What the stand-in's knowledge half is asked: bases, sources, jobs and questions, in few words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

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


def put(aws: Any, key: str, text: str) -> None:
    aws.s3.put_object(Bucket="docs", Key=key, Body=text)


def create_index(
    aws: Any,
    name: str = "chunks",
    keys: list[str] | None = BEDROCK_KEYS,
    dimension: int = 1024,
) -> str:
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


def base_settings(aws: Any, store: str, name: str = "base", **index: Any) -> dict[str, Any]:
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


def create_base(aws: Any, store: str = "S3_VECTORS", name: str = "base", **index: Any) -> str:
    settings = base_settings(aws, store, name, **index)
    return aws.agent.create_knowledge_base(**settings)["knowledgeBase"]["knowledgeBaseId"]


def source_settings(store: str = "S3_VECTORS", prefix: str = "u/a/") -> dict[str, Any]:
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


def create_source(
    aws: Any,
    base: str,
    store: str = "S3_VECTORS",
    prefix: str = "u/a/",
    name: str = "source",
    **more: Any,
) -> str:
    settings = source_settings(store, prefix) | more
    created = aws.agent.create_data_source(knowledgeBaseId=base, name=name, **settings)
    return created["dataSource"]["dataSourceId"]


def wait_for(look: Callable[[], Any], done: Callable[[Any], bool], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not done(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.01)
    return seen


def get_job(aws: Any, ids: dict[str, str], job_id: str) -> dict[str, Any]:
    return aws.agent.get_ingestion_job(**ids, ingestionJobId=job_id)["ingestionJob"]


def ingest(aws: Any, base: str, source: str) -> dict[str, Any]:
    ids = {"knowledgeBaseId": base, "dataSourceId": source}
    started = aws.agent.start_ingestion_job(**ids)["ingestionJob"]
    assert started["status"] == "STARTING"
    job_id = started["ingestionJobId"]
    return wait_for(lambda: get_job(aws, ids, job_id), lambda job: job["status"] in OVER)


def counts(job: dict[str, Any]) -> dict[str, int]:
    """The statistics that are not zero, without their common beginning."""
    return {k.removeprefix("numberOf"): v for k, v in job["statistics"].items() if v}


def statuses(aws: Any, base: str, source: str) -> dict[str, str]:
    listed = aws.agent.list_knowledge_base_documents(knowledgeBaseId=base, dataSourceId=source)
    return {
        detail["identifier"]["s3"]["uri"].rpartition("/")[2]: detail["status"]
        for detail in listed["documentDetails"]
    }


def retrieve(
    aws: Any, base: str, question: str, store: str = "S3_VECTORS", **search: Any
) -> list[dict[str, Any]]:
    name = "managedSearchConfiguration" if store == "MANAGED" else "vectorSearchConfiguration"
    return aws.runtime.retrieve(
        knowledgeBaseId=base,
        retrievalQuery={"text": question},
        retrievalConfiguration={name: search},
    )["retrievalResults"]


def refused(call: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    return error.value.response["Error"]["Code"]
