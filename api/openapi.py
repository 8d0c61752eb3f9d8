"""The OpenAPI description, built from the routes, their docstrings and the Pydantic models.

A view says with `@describe(...)` what its signature cannot; a test refuses views that do not.
`python -m api.openapi` prints the description.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import GenericAlias
from typing import Any, TypeVar, get_args

from flask import Flask
from openapi_pydantic import (
    Components,
    Header,
    Info,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
)
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Rule

from api.schemas import Problem

View = TypeVar("View", bound=Callable[..., Any])
# A model, a list of one, the media type of what is no JSON, or None for an empty body.
Answer = type[BaseModel] | GenericAlias | str | None

EVENT_STREAM_TYPE = "text/event-stream"
PROBLEM_TYPE = "application/problem+json"
# Any request may meet these: malformed, too many, a bug, AWS away.
COMMON_ERRORS = (400, 429, 500, 503)
BODY_ERRORS = (413, 415, 422)
HEADERS = {
    "Idempotency-Key": "Makes repeating this request safe: the same key gives the same answer.",
    "If-Match": "Change only what still has this ETag; else 412.",
    "Last-Event-ID": "Continue after this event.",
}
HEADER_ERRORS = {"Idempotency-Key": {409, 422}, "If-Match": {412}, "Last-Event-ID": {422}}
PATH_PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")
DESCRIBED = "__description__"


@dataclass(frozen=True)
class Description:
    """What a route takes and answers, beyond its path, verb and docstring."""

    tag: str
    answers: Mapping[int, Answer]
    body: type[BaseModel] | str | None = None
    body_type: str = "application/json"
    body_required: bool = True
    query: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = field(default=())
    is_public: bool = False
    is_stream: bool = False  # what its 200 lists, it also sends as Server-Sent Events


def describe(**facts: Any) -> Callable[[View], View]:
    """Attach a Description to a view: `@describe(tag="agents", answers={200: AgentView})`."""
    description = Description(**facts)

    def attach(view: View) -> View:
        setattr(view, DESCRIBED, description)
        return view

    return attach


def build_openapi(app: Flask) -> dict[str, Any]:
    """The description of all routes of the application, OpenAPI 3.1."""
    paths: dict[str, PathItem] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        item = paths.setdefault(PATH_PARAMETER.sub(r"{\1}", rule.rule), PathItem())
        for verb in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            setattr(item, verb.lower(), build_operation(app, rule))
    openapi = OpenAPI(
        openapi="3.1.0",
        info=Info(
            title="Oratio",
            version="1.0.0",
            description="An SOP and documents in, a running agent out.",
        ),
        paths=paths,
        components=Components(
            securitySchemes={
                "token": SecurityScheme(type="http", scheme="bearer", bearerFormat="JWT")
            }
        ),
        security=[{"token": []}],
    )
    complete = construct_open_api_with_schema_class(openapi)
    return complete.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


def build_operation(app: Flask, rule: Rule) -> Operation:
    """One verb of one path."""
    view = app.view_functions[rule.endpoint]
    facts: Description = getattr(view, DESCRIBED)
    summary, _, prose = (inspect.getdoc(view) or "").partition("\n\n")
    return Operation(
        tags=[facts.tag],
        summary=summary.replace("\n", " "),
        description=prose.partition(":raises")[0].strip() or None,
        operationId=build_operation_id(app, rule),
        parameters=build_parameters(rule, facts) or None,
        requestBody=build_body(facts),
        responses=build_responses(rule, facts),
        security=[] if facts.is_public else None,
    )


def build_operation_id(app: Flask, rule: Rule) -> str:
    """The view's name; further paths of the same view are numbered."""
    paths = sorted(r.rule for r in app.url_map.iter_rules(rule.endpoint))
    number = paths.index(rule.rule)
    return to_camel(rule.endpoint.rpartition(".")[2]) + (str(number + 1) if number else "")


def build_parameters(rule: Rule, facts: Description) -> list[Any]:
    """What comes in path, query and headers."""
    in_path = [
        build_parameter(name, "path", Schema(type="string"), required=True)
        for name in PATH_PARAMETER.findall(rule.rule)
    ]
    in_headers = [
        build_parameter(name, "header", Schema(type="string"), description=HEADERS[name])
        for name in facts.headers
    ]
    return in_path + build_query(facts.query) + in_headers


def build_parameter(name: str, place: str, schema: Schema, **more: Any) -> Parameter:
    """One parameter; `in` is no name in Python, so it comes from a dict."""
    return Parameter.model_validate({"name": name, "in": place, "schema": schema, **more})


def build_query(model: type[BaseModel] | None) -> list[Any]:
    """A parameter for each field of the query's model; all are optional."""
    if model is None:
        return []
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return [
        build_parameter(name, "query", Schema.model_validate(properties))
        for name, properties in schema["properties"].items()
    ]


def build_body(facts: Description) -> RequestBody | None:
    """The request's body; a string names the media type of one that is no model."""
    if facts.body is None:
        return None
    if isinstance(facts.body, str):
        schema = Schema(type="string", schema_format="binary")
        return RequestBody(required=True, content={facts.body: MediaType(media_type_schema=schema)})
    schema = PydanticSchema(schema_class=facts.body)
    media = MediaType(media_type_schema=schema)
    return RequestBody(required=facts.body_required, content={facts.body_type: media})


def build_responses(rule: Rule, facts: Description) -> dict[str, Any]:
    """All answers by status, errors included."""
    errors = {*COMMON_ERRORS, *facts.errors}
    errors |= set(BODY_ERRORS) if facts.body else set()
    errors |= {422} if facts.query else set()
    errors = errors.union(*(HEADER_ERRORS.get(name, set()) for name in facts.headers))
    errors |= set() if facts.is_public else {401}
    errors |= {404} if rule.arguments else set()
    answers: dict[int, Any] = dict.fromkeys(errors - facts.answers.keys(), Problem) | dict(
        facts.answers
    )
    responses = {status: build_response(status, answers[status]) for status in sorted(answers)}
    if facts.is_stream:
        parts = {name: Schema(type="string") for name in ("id", "event", "data")}
        event = Schema(type="object", properties=parts, description="Each event of the stream.")
        stream = MediaType(media_type_schema=event)
        responses[200].content = {**(responses[200].content or {}), EVENT_STREAM_TYPE: stream}
    return {str(status): response for status, response in responses.items()}


def build_response(status: int, answer: Answer) -> Response:
    """One answer."""
    media_type = PROBLEM_TYPE if answer is Problem else "application/json"
    content: dict[str, Any] | None = None
    if isinstance(answer, str):
        content = {answer: MediaType(media_type_schema=Schema(type="string"))}
    elif answer is not None:
        content = {media_type: MediaType(media_type_schema=build_schema(answer))}
    request_id = Header(description="Quote it to us.", param_schema=Schema(type="string"))
    phrase = HTTP_STATUS_CODES[status]  # Python's own differ by its version
    return Response(description=phrase, content=content, headers={"X-Request-Id": request_id})


def build_schema(answer: type[BaseModel] | GenericAlias) -> Schema:
    """The schema of a model or a list of one."""
    if isinstance(answer, GenericAlias):
        (member,) = get_args(answer)
        return Schema(type="array", items=PydanticSchema(schema_class=member))
    return PydanticSchema(schema_class=answer)
