"""S3 Vectors where stock moto falls short: indexes keep and show their whole configuration."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.s3vectors.exceptions import IndexNotFound, VectorBucketNotFound
from moto.s3vectors.models import Index, s3vectors_backends
from moto.s3vectors.responses import S3VectorsResponse
from moto.utilities.utils import get_partition

from local.aws.errors import ConflictException, ValidationException
from local.aws.knowledge.models import KnowledgeBase, now
from local.aws.ledger import ledgers

# Bedrock writes a chunk and its bookkeeping under these keys. Unless they are declared
# non-filterable, a chunk counts against the limit for filterable metadata.
BEDROCK_KEYS = frozenset({"AMAZON_BEDROCK_TEXT", "AMAZON_BEDROCK_METADATA"})
FILTERABLE_METADATA_BYTES = 2048


class Vectors(S3VectorsResponse):
    """CreateVectorBucket, CreateIndex and DeleteIndex; everything else is moto's."""

    def create_vector_bucket(self) -> ActionResult:
        """Create it and answer its ARN, which moto leaves out."""
        super().create_vector_bucket()
        bucket = self.s3vectors_backend.get_vector_bucket(self.params["vectorBucketName"])
        return ActionResult({"vectorBucketArn": bucket.vector_bucket_arn})

    def create_index(self) -> ActionResult:
        """Create it with its metadata configuration; ConflictException when the name is taken."""
        name, bucket_name = self.params["indexName"], self.params.get("vectorBucketName")
        bucket = self.s3vectors_backend.get_vector_bucket(
            bucket_name, self.params.get("vectorBucketArn")
        )
        if any(index.index_name == name for index in bucket.indexes.values()):
            raise ConflictException("An index with the specified name already exists")
        super().create_index()
        index: Any = self.s3vectors_backend.get_index(bucket.vector_bucket_name, name, "")
        index.metadata_configuration = self.params.get("metadataConfiguration")
        index.creation_time = now()
        ledgers[self.current_account][self.region].record_create(
            "vector_index", index.index_arn, name
        )
        return ActionResult({"indexArn": index.index_arn})

    def delete_index(self) -> ActionResult:
        """Delete it and write that down."""
        names = ("vectorBucketName", "indexName", "indexArn")
        index = self.s3vectors_backend.get_index(*(self.params.get(name) for name in names))
        super().delete_index()
        ledgers[self.current_account][self.region].record_delete(index.index_arn)
        return EmptyResult()


def find_index(account: str, region: str, storage: dict[str, Any]) -> Index | None:
    """The index that a knowledge base's s3VectorsConfiguration names."""
    config = storage.get("s3VectorsConfiguration", {})
    backend = s3vectors_backends[account][get_partition(region)]
    try:
        if config.get("indexArn"):
            return backend.get_index("", "", config["indexArn"])
        bucket = backend.get_vector_bucket(None, config.get("vectorBucketArn"))
        return backend.get_index(bucket.vector_bucket_name, config.get("indexName"), "")
    except (IndexNotFound, VectorBucketNotFound):
        return None


def check_index(index: Index | None, dimension: int) -> None:
    """Refuse, as CreateKnowledgeBase does, an index that cannot take the model's vectors."""
    prefix = "The knowledge base storage configuration provided is invalid... "
    if index is None:
        raise ValidationException(f"{prefix}The specified index could not be found")
    if index.dimension != dimension:
        raise ValidationException(
            f"{prefix}Query vector contains invalid values or is invalid for this index: "
            f"the model gives {dimension} dimensions, the index has {index.dimension}"
        )


def store_is_missing(account: str, region: str, base: KnowledgeBase) -> bool:
    """Whether the vector index of an S3_VECTORS knowledge base has been deleted."""
    storage = base.settings.get("storageConfiguration")
    return base.store == "S3_VECTORS" and find_index(account, region, storage or {}) is None


def chunks_are_filterable(index: Index) -> bool:
    """Whether the text of a chunk counts as filterable metadata: the trap of a plain index."""
    config = getattr(index, "metadata_configuration", None) or {}
    return not frozenset(config.get("nonFilterableMetadataKeys", ())) >= BEDROCK_KEYS
