"""Which operation of which service an HTTP request calls."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import NotFound

# In the header, or in the query of a presigned address.
SIGNING_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
# Services that share a signing name, in the order in which they are tried.
SHARED_NAMES = {
    "bedrock": ("bedrock-agent", "bedrock-agent-runtime", "bedrock-runtime", "bedrock"),
    "bedrock-agentcore": ("bedrock-agentcore-control", "bedrock-agentcore"),
}
# An S3 object's content says nothing about the call and may be large.
UNREAD_BODIES = ("s3",)


@dataclass(frozen=True)
class Call:
    """Names as botocore has them: `bedrock-agent`, `CreateKnowledgeBase`."""

    service: str
    operation: str


def find_call(environ: dict[str, Any]) -> Call | None:
    """The operation a signed request calls, or None when no service model has it."""
    scope = find_scope(environ)
    for service in SHARED_NAMES.get(scope, (scope,) if scope else ()):
        try:
            operation, _ = get_service_router(service).match(copy_request(environ))
        except (NotFound, NotImplementedError, UnknownServiceError):
            continue
        return Call(service, operation.name)
    return None


def find_scope(environ: dict[str, Any]) -> str:
    """The service a request is signed for, empty when it is not signed."""
    signed = f"{environ.get('HTTP_AUTHORIZATION', '')} {unquote(environ.get('QUERY_STRING', ''))}"
    scope = SIGNING_SCOPE.search(signed)
    return scope[1] if scope else ""


def copy_request(environ: dict[str, Any]) -> Request:
    """The request, to be read without taking anything from the original."""
    copied = environ.copy()
    # A form names the operation of the query protocol; no router reads any other body.
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        copied["wsgi.input"] = BytesIO(read_body(environ))
    return Request(copied)


def read_body(environ: dict[str, Any]) -> bytes:
    """The request's body, which can be read again afterwards."""
    body = Request(environ).get_data()
    environ["wsgi.input"] = BytesIO(body)
    return body


def read_text(call: Call, environ: dict[str, Any]) -> str:
    """All that a request says of its resource: path, query and body."""
    body = b"" if call.service in UNREAD_BODIES else read_body(environ)
    parts: Iterable[str] = (environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
    return "\n".join([*map(unquote, parts), body.decode(errors="replace")])
