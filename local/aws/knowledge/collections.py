"""OpenSearch Serverless: indexes of a collection can be created, seen and deleted, not searched.

A request comes to the collection's own address, so there is no AWS operation to route by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict, BaseBackend
from werkzeug.wrappers import Request, Response

SIGNING_NAME = "aoss"
REGION = "us-east-1"


class CollectionBackend(BaseBackend):
    """The indexes of the one collection there is, by name."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.indexes: dict[str, Any] = {}


collection_backends = BackendDict(CollectionBackend, "opensearchserverless")


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer PUT, GET, HEAD and DELETE of /{index} as OpenSearch does."""
    request = Request(environ)
    status, body = handle(request.method, request.path.strip("/"), request.get_data())
    response = Response(json.dumps(body), status, content_type="application/json")
    return response(environ, start_response)


def handle(method: str, name: str, content: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body of one request."""
    indexes = collection_backends[DEFAULT_ACCOUNT_ID][REGION].indexes
    if method == "PUT" and name not in indexes:
        indexes[name] = json.loads(content)
        return 200, {"acknowledged": True, "index": name}
    if method == "PUT":
        return 400, describe_error("resource_already_exists_exception", name, 400)
    if name not in indexes:
        return 404, describe_error("index_not_found_exception", name, 404)
    if method == "DELETE":
        del indexes[name]
        return 200, {"acknowledged": True}
    return 200, {name: indexes[name]}


def describe_error(kind: str, name: str, status: int) -> dict[str, Any]:
    """OpenSearch's form of an error."""
    return {"error": {"type": kind, "reason": f"index [{name}]", "index": name}, "status": status}
