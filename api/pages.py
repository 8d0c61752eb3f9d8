"""Lists in pages: the query, cursors that only we can make, and the link to the next page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, request
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import ConfigDict, Field, ValidationError

from include.lists import DEFAULT_LIMIT, Position
from include.models import AgentStatus, Record
from include.problems import InvalidFormError, describe_validation
from include.settings import get_settings

Query = TypeVar("Query", bound="PageQuery")
MAX_CURSOR_CHARACTERS = 2_000


class PageQuery(Record):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=1000, description="Entries of one page.")] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None,
        Field(max_length=MAX_CURSOR_CHARACTERS, description="From the Link of the page before."),
    ] = None


class AgentQuery(PageQuery):
    """The query of GET /api/agents; the specification's name of the filter."""

    status_filter: Annotated[
        AgentStatus | None, Field(alias="status_filter", description="Only agents of this status.")
    ] = None


def read_query(model: type[Query]) -> Query:
    """The request's query.

    :raises InvalidFormError: naming each parameter that is wrong or unknown.
    """
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


def read_position(query: PageQuery, scope: Sequence[str]) -> Position | None:
    """Where the cursor says this page starts.

    :raises InvalidFormError: for a cursor of another list, filter or user, or none of ours.
    """
    if query.cursor is None:
        return None
    try:
        position: Position = build_serializer(scope).loads(query.cursor)
    except BadSignature as error:
        message = "is not of this list; start again without it"
        raise InvalidFormError([{"field": "cursor", "message": message}]) from error
    return position


def build_page(
    entries: Sequence[Record], next_position: Position | None, query: PageQuery, scope: list[str]
) -> Response:
    """The entries as a plain array; the next page, if any, is a `Link` header."""
    response = jsonify([entry.model_dump(mode="json", by_alias=True) for entry in entries])
    if next_position:
        cursor = build_serializer(scope).dumps(next_position)
        parameters = query.model_dump(mode="json", exclude_none=True) | {"cursor": cursor}
        response.headers["Link"] = f'<{request.path}?{urlencode(parameters)}>; rel="next"'
    return response


def build_serializer(scope: Sequence[str]) -> URLSafeSerializer:
    """Signs positions so that one is good for one list of one user only."""
    settings = get_settings()
    secret = settings.cursor_secret.get_secret_value() or settings.jwt_secret.get_secret_value()
    return URLSafeSerializer(secret, salt="|".join(scope))
