"""Knowledge bases and data sources of the stand-in: made, changed, listed, refused, deleted."""

from __future__ import annotations

import pytest
import requests

from tests.knowledge_calls import (
    base_settings,
    create_base,
    create_source,
    ingest,
    put,
    refused,
    retrieve,
    source_settings,
)


def set_transition(aws, transition):
    requests.post(
        f"{aws.url}/moto-api/state-manager/set-transition",
        json={"model_name": "bedrock-agent::knowledge_base", "transition": transition},
        timeout=10,
    ).raise_for_status()


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


def test_bases_are_counted_by_kind(aws, monkeypatch):
    monkeypatch.setenv("STAND_IN_QUOTA_KNOWLEDGE_BASES", "1")
    create_base(aws, name="first")

    assert refused(create_base, aws, name="second") == "ServiceQuotaExceededException"
    create_base(aws, "MANAGED", name="third")
