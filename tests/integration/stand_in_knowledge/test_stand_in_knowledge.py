"""The knowledge half of the AWS stand-in over HTTP, with boto3 and with the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.knowledge_calls import (
    BEDROCK_KEYS,
    CHUNKING,
    MODEL,
    OVER,
    REGION,
    ROLE,
    counts,
    create_base,
    create_source,
    ingest,
    put,
    refused,
    retrieve,
    wait_for,
)


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
