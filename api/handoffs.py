"""Hand-offs to people: listed, read with the transcript, acknowledged."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from api.auth import get_user_id
from api.openapi import describe
from api.pages import build_page, read_position, read_query
from api.session_schemas import HandoffDetail, HandoffQuery, HandoffView
from include import handoffs, sessions

handoff_routes = Blueprint("handoffs", __name__)


@handoff_routes.get("/api/handoffs")
@describe(tag="hand-offs", query=HandoffQuery, answers={200: list[HandoffView]})
def list_handoffs() -> Response:
    """The caller's hand-offs, newest first; `status` keeps those of one status.

    The next page, if there is one, is a `Link` header with `rel="next"`.
    """
    user_id, query = get_user_id(), read_query(HandoffQuery)
    scope = ["handoffs", user_id, query.status or ""]
    start = read_position(query, scope)
    page = handoffs.list_handoffs(user_id, query.status, query.limit, start)
    views = [HandoffView.model_validate(handoff.model_dump()) for handoff in page.entries]
    return build_page(views, page.next_position, query, scope)


@handoff_routes.get("/api/handoffs/<handoff_id>")
@describe(tag="hand-offs", answers={200: HandoffDetail})
def get_handoff(handoff_id: str) -> dict[str, Any]:
    """One hand-off of the caller's with the transcript of its session."""
    handoff = handoffs.get_handoff(get_user_id(), handoff_id)
    transcript = sessions.list_turns(handoff.session_key)
    return HandoffDetail.of(handoff, transcript).model_dump(mode="json", by_alias=True)


@handoff_routes.post("/api/handoffs/<handoff_id>:acknowledge")
@describe(tag="hand-offs", answers={200: HandoffView}, errors=(409,))
def acknowledge_handoff(handoff_id: str) -> dict[str, Any]:
    """Say that a person has taken over.

    Until then the same session's further requests for a person count as this one.
    """
    handoff = handoffs.acknowledge(handoffs.get_handoff(get_user_id(), handoff_id))
    view = HandoffView.model_validate(handoff.model_dump())
    return view.model_dump(mode="json", by_alias=True)
