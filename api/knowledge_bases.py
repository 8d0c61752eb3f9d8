"""Listing and reading knowledge bases."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from api.auth import get_user_id
from api.openapi import describe
from api.pages import PageQuery, build_page, read_position, read_query
from api.schemas import KnowledgeBaseView
from include import lists, records
from include.errors import NotFoundError

knowledge_bases = Blueprint("knowledge_bases", __name__)


@knowledge_bases.get("/api/knowledge-bases")
@describe(tag="knowledge bases", query=PageQuery, answers={200: list[lists.KnowledgeBaseSummary]})
def list_knowledge_bases() -> Response:
    """The caller's knowledge bases, newest first.

    The next page, if there is one, is a `Link` header with `rel="next"`.
    """
    user_id, query = get_user_id(), read_query(PageQuery)
    scope = ["knowledge-bases", user_id]
    start = read_position(query, scope)
    page = lists.list_knowledge_bases(user_id, query.limit, start)
    return build_page(page.entries, page.next_position, query, scope)


@knowledge_bases.get("/api/knowledge-bases/<knowledge_base_id>")
@describe(tag="knowledge bases", answers={200: KnowledgeBaseView})
def get_knowledge_base(knowledge_base_id: str) -> dict[str, Any]:
    """One knowledge base of the caller's with its documents."""
    user_id = get_user_id()
    missing = NotFoundError(f"There is no knowledge base {knowledge_base_id!r}.")
    found = records.get_knowledge_base(knowledge_base_id)
    if found.user_id != user_id or found.deletion_requested_at:
        raise missing
    return KnowledgeBaseView.model_validate(found.model_dump()).model_dump(
        mode="json", by_alias=True
    )
