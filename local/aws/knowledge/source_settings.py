"""Reads what a data source ingests and how it cuts it up out of its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.aws.errors import ValidationException

_CONNECTOR = "MANAGED_KNOWLEDGE_BASE_CONNECTOR"
# What Bedrock does when the request names no chunking strategy.
_DEFAULT_CHUNKING: dict[str, Any] = {
    "chunkingStrategy": "FIXED_SIZE",
    "fixedSizeChunkingConfiguration": {"maxTokens": 300, "overlapPercentage": 20},
}


@dataclass(frozen=True)
class Scope:
    """The objects that a data source ingests."""

    bucket: str
    prefixes: tuple[str, ...]


def find_scope(settings: dict[str, Any]) -> Scope:
    """Where a data source reads; no prefix means the whole bucket, as on AWS."""
    config = settings["dataSourceConfiguration"]
    if config["type"] == "S3":
        s3 = config["s3Configuration"]
        return Scope(s3["bucketArn"].rpartition(":")[2], tuple(s3.get("inclusionPrefixes", ())))
    connector = config["managedKnowledgeBaseConnectorConfiguration"]["connectorParameters"]
    prefixes = connector.get("filterConfiguration", {}).get("inclusionPrefixes", ())
    return Scope(connector["connectionConfiguration"]["bucketName"], tuple(prefixes))


def find_chunking(settings: dict[str, Any]) -> tuple[int, int] | None:
    """Tokens a chunk and percentage of overlap; None when a document stays whole."""
    config = settings.get("vectorIngestionConfiguration", {}).get("chunkingConfiguration")
    config = config or _DEFAULT_CHUNKING
    if config["chunkingStrategy"] == "NONE":
        return None
    fixed = config["fixedSizeChunkingConfiguration"]
    return fixed["maxTokens"], fixed["overlapPercentage"]


def check_settings(settings: dict[str, Any], is_managed: bool) -> None:
    """Refuse a data source that the kind of knowledge base does not take."""
    config = settings["dataSourceConfiguration"]
    expected = _CONNECTOR if is_managed else "S3"
    if config["type"] != expected:
        raise ValidationException(
            f"Data source type {config['type']} is not supported here; use {expected}"
        )
    try:
        find_scope(settings)
        find_chunking(settings)
    except (KeyError, AttributeError, TypeError) as error:
        raise ValidationException(
            f"The data source configuration lacks {error} or uses a chunking strategy "
            "other than FIXED_SIZE and NONE"
        ) from error
