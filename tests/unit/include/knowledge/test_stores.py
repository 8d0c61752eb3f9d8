"""Requests for each kind of store, held against botocore's own model of the services."""

from __future__ import annotations

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from include.errors import InvalidInputError
from include.knowledge.stores import build_index, get_store
from include.models import AgentRef
from include.settings import KnowledgeBaseStore, Settings

REF = AgentRef("alice", "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", 1)
COLLECTION = "arn:aws:aoss:us-east-1:123456789012:collection/abcdefghij"


def violations(service: str, operation: str, arguments: dict) -> str:
    model = get_session().get_service_model(service).operation_model(operation)
    return ParamValidator().validate(arguments, model.input_shape).generate_report()


def choose(store: KnowledgeBaseStore) -> Settings:
    return Settings(knowledge_base_store=store, opensearch_collection_arn=COLLECTION)


@pytest.fixture(params=KnowledgeBaseStore)
def settings(request):
    return choose(request.param)


def test_knowledge_bases_are_valid_for_aws(settings):
    arguments = {"name": "n", "roleArn": settings.knowledge_base_role_arn}
    arguments |= get_store(settings).configuration(settings, REF)
    assert violations("bedrock-agent", "CreateKnowledgeBase", arguments) == ""


def test_data_sources_are_valid_for_aws(settings):
    source = get_store(settings).data_source(settings, REF)
    arguments = {"knowledgeBaseId": "A" * 10, "name": "n", "dataSourceConfiguration": source}
    assert violations("bedrock-agent", "CreateDataSource", arguments) == ""


def test_indexes_are_valid_for_aws():
    index = build_index(choose(KnowledgeBaseStore.S3_VECTORS), REF)
    assert violations("s3vectors", "CreateIndex", index) == ""
    assert index["metadataConfiguration"]["nonFilterableMetadataKeys"] == [
        "AMAZON_BEDROCK_TEXT",
        "AMAZON_BEDROCK_METADATA",
    ]


def test_a_mistyped_request_would_be_noticed():
    arguments = {"knowledgeBaseId": "A" * 10, "name": "n", "dataSourceConfiguration": {"typo": 1}}
    assert violations("bedrock-agent", "CreateDataSource", arguments) != ""


def test_each_data_source_reads_exactly_the_agent_s_prefix(settings):
    source = get_store(settings).data_source(settings, REF)
    if settings.knowledge_base_store == KnowledgeBaseStore.MANAGED:
        parameters = source["managedKnowledgeBaseConnectorConfiguration"]["connectorParameters"]
        prefixes = parameters["filterConfiguration"]["inclusionPrefixes"]
        assert parameters["connectionConfiguration"]["bucketName"] == settings.kb_bucket
    else:
        prefixes = source["s3Configuration"]["inclusionPrefixes"]
        assert source["s3Configuration"]["bucketArn"] == f"arn:aws:s3:::{settings.kb_bucket}"
    assert prefixes == [f"alice/{REF.agent_id}/"]


def test_the_vectors_of_two_agents_never_share_an_index():
    settings = choose(KnowledgeBaseStore.S3_VECTORS)
    other = AgentRef("alice", "1b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", 1)
    parts = [get_store(settings).configuration(settings, ref) for ref in (REF, other)]
    arns = [p["storageConfiguration"]["s3VectorsConfiguration"]["indexArn"] for p in parts]
    assert len(set(arns)) == 2


def test_index_and_model_agree_on_the_dimensions():
    settings = Settings(embedding_dimensions=512)
    vector = get_store(settings).configuration(settings, REF)["knowledgeBaseConfiguration"]
    model = vector["vectorKnowledgeBaseConfiguration"]["embeddingModelConfiguration"]
    assert model["bedrockEmbeddingModelConfiguration"]["dimensions"] == 512
    assert build_index(settings, REF)["dimension"] == 512


def test_a_managed_knowledge_base_brings_its_own_storage():
    settings = choose(KnowledgeBaseStore.MANAGED)
    assert get_store(settings).configuration(settings, REF) == {
        "knowledgeBaseConfiguration": {"type": "MANAGED", "managedKnowledgeBaseConfiguration": {}}
    }


def test_a_missing_collection_is_named():
    settings = Settings(knowledge_base_store=KnowledgeBaseStore.OPENSEARCH_SERVERLESS)
    with pytest.raises(InvalidInputError, match="OPENSEARCH_COLLECTION_ARN"):
        get_store(settings).configuration(settings, REF)
