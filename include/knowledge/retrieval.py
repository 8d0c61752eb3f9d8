"""Retrieve: the passages of a knowledge base nearest to a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from include.aws import client
from include.settings import KnowledgeBaseStore, get_settings


@dataclass(frozen=True)
class Passage:
    """A piece of a document; `document` is its S3 URI, `score` AWS's own (higher is nearer)."""

    document: str
    text: str
    score: float


def retrieve(bedrock_id: str, question: str, limit: int = 5) -> list[Passage]:
    """Up to `limit` passages of this knowledge base, best first."""
    answer = client("bedrock-agent-runtime").retrieve(
        knowledgeBaseId=bedrock_id,
        retrievalQuery={"text": question[:1000]},
        retrievalConfiguration={search_key(): {"numberOfResults": limit}},
    )
    return [parse_passage(result) for result in answer["retrievalResults"]]


def search_key() -> str:
    """Managed knowledge bases take their search settings under a name of their own."""
    is_managed = get_settings().knowledge_base_store == KnowledgeBaseStore.MANAGED
    return "managedSearchConfiguration" if is_managed else "vectorSearchConfiguration"


def parse_passage(result: dict[str, Any]) -> Passage:
    """One of Retrieve's results."""
    uri = result.get("location", {}).get("s3Location", {}).get("uri", "")
    return Passage(uri, result["content"].get("text", ""), result.get("score", 0.0))
