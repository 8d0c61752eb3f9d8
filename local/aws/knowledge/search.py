"""Finds the passages of one knowledge base, and of no other, that answer a question."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from local.aws.knowledge.filters import matches
from local.aws.knowledge.index import Bm25Index
from local.aws.knowledge.models import Chunk, Document, KnowledgeBase

Passage = tuple[Document, Chunk]


def find_passages(
    base: KnowledgeBase, question: str, condition: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Every matching passage that the filter lets through, best first, as Retrieve shows it."""
    passages = _list_passages(base)
    index = _build_index(passages)
    results = []
    for hit in index.search(question):
        document, chunk = passages[hit.position]
        metadata = find_metadata(document, chunk)
        if condition and not matches(condition, metadata):
            continue
        location = {"type": "S3", "s3Location": {"uri": document.uri}}
        content = {"type": "TEXT", "text": chunk.text}
        shown = {"content": content, "location": location, "score": hit.score, "metadata": metadata}
        results.append(shown)
    return results


def find_metadata(document: Document, chunk: Chunk) -> dict[str, Any]:
    """What Bedrock adds to a chunk, and the attributes of the document's sidecar."""
    return {
        **document.attributes,
        "x-amz-bedrock-kb-source-uri": document.uri,
        "x-amz-bedrock-kb-chunk-id": chunk.id,
        "x-amz-bedrock-kb-data-source-id": document.data_source_id,
    }


def prepare_search(base: KnowledgeBase) -> None:
    """Build the index now, so that the next question need not wait for it."""
    _build_index(_list_passages(base))


def _list_passages(base: KnowledgeBase) -> tuple[Passage, ...]:
    return tuple((document, chunk) for document in base.documents() for chunk in document.chunks)


@lru_cache(maxsize=64)
def _build_index(passages: tuple[Passage, ...]) -> Bm25Index:
    """The index is derived from the state: rebuilt when a chunk changes or after a restart."""
    return Bm25Index([_searchable(document, chunk) for document, chunk in passages])


def _searchable(document: Document, chunk: Chunk) -> str:
    # The file's name often names the subject that the passage takes for granted.
    return f"{PurePosixPath(document.uri).stem}\n{chunk.text}"
