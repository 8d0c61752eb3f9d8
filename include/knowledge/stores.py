"""What differs between the stores of a knowledge base: one `Store` each, pure but for
`prepare` and `remove`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client, create_unless_there, delete_if_there, error_code, find
from include.errors import InvalidInputError, RemovalFailedError
from include.knowledge import opensearch
from include.models import AgentRef
from include.naming import agent_prefix, vector_index_name
from include.settings import KnowledgeBaseStore, Settings

# Bedrock writes whole chunks into these keys; as filterable metadata they would break the
# 2,048-byte limit of S3 Vectors.
NON_FILTERABLE_KEYS = ["AMAZON_BEDROCK_TEXT", "AMAZON_BEDROCK_METADATA"]


@dataclass(frozen=True)
class Store:
    """Builds the request parts of one kind of store."""

    prepare: Callable[[Settings, AgentRef], None]
    configuration: Callable[[Settings, AgentRef], dict[str, Any]]
    data_source: Callable[[Settings, AgentRef], dict[str, Any]]
    remove: Callable[[Settings, AgentRef], None]


def get_store(settings: Settings) -> Store:
    """The store chosen by the settings."""
    return STORES[settings.knowledge_base_store]


def prepare_nothing(settings: Settings, ref: AgentRef) -> None:
    """A managed knowledge base brings its own store."""


def remove_nothing(settings: Settings, ref: AgentRef) -> None:
    """A managed knowledge base takes its store with it."""


def prepare_opensearch_index(settings: Settings, ref: AgentRef) -> None:
    """Create the agent's index in the shared collection; an existing one stays."""
    require_collection(settings)
    opensearch.ensure_index(settings, vector_index_name(ref.agent_id))


def remove_opensearch_index(settings: Settings, ref: AgentRef) -> None:
    """Delete the agent's index from the shared collection, if it is there."""
    require_collection(settings)
    opensearch.delete_index(settings, vector_index_name(ref.agent_id))


def require_collection(settings: Settings) -> None:
    """Refuse to go on without a collection."""
    if not settings.opensearch_collection_arn:
        raise InvalidInputError(
            "KNOWLEDGE_BASE_STORE is opensearch_serverless but OPENSEARCH_COLLECTION_ARN is empty: "
            "set it to the ARN of an existing collection."
        )


def prepare_vector_index(settings: Settings, ref: AgentRef) -> None:
    """Create the agent's vector index, and the shared bucket at first use; existing ones stay."""
    try:
        create_index(settings, ref)
    except ClientError as error:
        if error_code(error) != "NotFoundException":
            raise
        vectors, name = client("s3vectors"), {"vectorBucketName": settings.vector_bucket}
        bucket = partial(find, vectors.get_vector_bucket, **name)
        create_unless_there(vectors.create_vector_bucket, bucket, **name)
        create_index(settings, ref)


def create_index(settings: Settings, ref: AgentRef) -> None:
    """Create the agent's vector index unless it exists."""
    vectors = client("s3vectors")
    index = partial(find, vectors.get_index, **name_index(settings, ref))
    create_unless_there(vectors.create_index, index, **build_index(settings, ref))


def name_index(settings: Settings, ref: AgentRef) -> dict[str, str]:
    """The agent's vector index, as calls take it."""
    return {
        "vectorBucketName": settings.vector_bucket,
        "indexName": vector_index_name(ref.agent_id),
    }


def remove_vector_index(settings: Settings, ref: AgentRef) -> None:
    """Delete the agent's vector index, if it is there; the shared bucket stays."""
    name = name_index(settings, ref)
    vectors = client("s3vectors")
    delete_if_there(vectors.delete_index, **name)
    if find(vectors.get_index, **name):
        raise RemovalFailedError(f"Vector index {name['indexName']} is still there.")


def build_index(settings: Settings, ref: AgentRef) -> dict[str, Any]:
    """Arguments of s3vectors CreateIndex."""
    return {
        **name_index(settings, ref),
        "dataType": "float32",
        "dimension": settings.embedding_dimensions,
        "distanceMetric": "cosine",
        "metadataConfiguration": {"nonFilterableMetadataKeys": NON_FILTERABLE_KEYS},
    }


def configure_s3_vectors(settings: Settings, ref: AgentRef) -> dict[str, Any]:
    """CreateKnowledgeBase arguments for an S3 Vectors index."""
    bucket_arn = (
        f"arn:aws:s3vectors:{settings.aws_region}:{settings.aws_account_id}"
        f":bucket/{settings.vector_bucket}"
    )
    index_arn = f"{bucket_arn}/index/{vector_index_name(ref.agent_id)}"
    storage = {"vectorBucketArn": bucket_arn, "indexArn": index_arn}
    return {
        "knowledgeBaseConfiguration": vector_configuration(settings),
        "storageConfiguration": {"type": "S3_VECTORS", "s3VectorsConfiguration": storage},
    }


def configure_opensearch(settings: Settings, ref: AgentRef) -> dict[str, Any]:
    """CreateKnowledgeBase arguments for an existing OpenSearch Serverless collection."""
    require_collection(settings)
    storage = {
        "collectionArn": settings.opensearch_collection_arn,
        "vectorIndexName": vector_index_name(ref.agent_id),
        "fieldMapping": opensearch.FIELDS,
    }
    return {
        "knowledgeBaseConfiguration": vector_configuration(settings),
        "storageConfiguration": {
            "type": "OPENSEARCH_SERVERLESS",
            "opensearchServerlessConfiguration": storage,
        },
    }


def configure_managed(settings: Settings, ref: AgentRef) -> dict[str, Any]:
    """CreateKnowledgeBase arguments for a managed knowledge base: no storage of ours."""
    return {
        "knowledgeBaseConfiguration": {"type": "MANAGED", "managedKnowledgeBaseConfiguration": {}}
    }


def vector_configuration(settings: Settings) -> dict[str, Any]:
    """The embedding model and its dimensions."""
    model_arn = (
        f"arn:aws:bedrock:{settings.aws_region}::foundation-model/{settings.embedding_model_id}"
    )
    embedding = {
        "bedrockEmbeddingModelConfiguration": {"dimensions": settings.embedding_dimensions}
    }
    return {
        "type": "VECTOR",
        "vectorKnowledgeBaseConfiguration": {
            "embeddingModelArn": model_arn,
            "embeddingModelConfiguration": embedding,
        },
    }


def s3_data_source(settings: Settings, ref: AgentRef) -> dict[str, Any]:
    """dataSourceConfiguration reading the agent's own prefix and nothing else."""
    return {
        "type": "S3",
        "s3Configuration": {
            "bucketArn": f"arn:aws:s3:::{settings.kb_bucket}",
            "bucketOwnerAccountId": settings.aws_account_id,
            "inclusionPrefixes": [agent_prefix(ref.user_id, ref.agent_id)],
        },
    }


def managed_data_source(settings: Settings, ref: AgentRef) -> dict[str, Any]:
    """The same for a managed knowledge base, which takes S3 only through its connector."""
    connection = {
        "bucketName": settings.kb_bucket,
        "bucketOwnerAccountId": settings.aws_account_id,
    }
    parameters = {
        "type": "S3",
        "version": "1",
        "connectionConfiguration": connection,
        "filterConfiguration": {"inclusionPrefixes": [agent_prefix(ref.user_id, ref.agent_id)]},
    }
    return {
        "type": "MANAGED_KNOWLEDGE_BASE_CONNECTOR",
        "managedKnowledgeBaseConnectorConfiguration": {"connectorParameters": parameters},
    }


STORES = {
    KnowledgeBaseStore.S3_VECTORS: Store(
        prepare_vector_index, configure_s3_vectors, s3_data_source, remove_vector_index
    ),
    KnowledgeBaseStore.OPENSEARCH_SERVERLESS: Store(
        prepare_opensearch_index, configure_opensearch, s3_data_source, remove_opensearch_index
    ),
    KnowledgeBaseStore.MANAGED: Store(
        prepare_nothing, configure_managed, managed_data_source, remove_nothing
    ),
}
