"""The vector index in an OpenSearch Serverless collection, which Bedrock expects to find there.

boto3 has no operation for it: an index is made by a signed request to the collection itself.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from include.errors import AccessDeniedError, RefusedByAwsError, RetryableError
from include.settings import Settings

SERVICE = "aoss"
TIMEOUT_SECONDS = 30.0
FIELDS = {"vectorField": "vector", "textField": "text", "metadataField": "metadata"}
ALREADY_THERE = "resource_already_exists_exception"


def ensure_index(settings: Settings, name: str) -> None:
    """Create the index unless it exists.

    :raises AccessDeniedError: when the collection's access policy does not know our role.
    :raises RetryableError: when the collection cannot be reached or fails.
    """
    require_created(name, send(settings, "PUT", name, json.dumps(build_index(settings))))


def delete_index(settings: Settings, name: str) -> None:
    """Delete the index, if it is there.

    :raises AccessDeniedError: when the collection's access policy does not know our role.
    :raises RetryableError: when the collection cannot be reached or fails.
    """
    answer = send(settings, "DELETE", name)
    if answer.status_code != httpx.codes.NOT_FOUND:
        require_success(f"OpenSearch index {name} was not deleted", answer)


def send(settings: Settings, method: str, name: str, body: str = "") -> httpx.Response:
    """One signed request about an index."""
    request = sign(settings, method, f"{endpoint(settings)}/{name}", body.encode())
    try:
        return httpx.request(
            method,
            str(request.url),
            content=request.data,
            headers=dict(request.headers.items()),
            timeout=TIMEOUT_SECONDS,
        )
    except httpx.HTTPError as error:
        raise RetryableError(f"The OpenSearch collection cannot be reached: {error}") from error


def endpoint(settings: Settings) -> str:
    """The collection's address: as configured, else AWS's for the id in its ARN."""
    collection_id = settings.opensearch_collection_arn.rpartition("/")[2]
    default = f"https://{collection_id}.{settings.aws_region}.{SERVICE}.amazonaws.com"
    return settings.opensearch_endpoint or default


def sign(settings: Settings, method: str, url: str, content: bytes) -> AWSRequest:
    """A request with SigV4 headers; the collection also demands the hash of the body."""
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Content-SHA256": hashlib.sha256(content).hexdigest(),
    }
    request = AWSRequest(method=method, url=url, data=content, headers=headers)
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise AccessDeniedError("There are no AWS credentials to sign a request with.")
    SigV4Auth(credentials, SERVICE, settings.aws_region).add_auth(request)
    return request


def build_index(settings: Settings) -> dict[str, Any]:
    """Mapping with the fields and the engine Bedrock needs (faiss, so that filters work)."""
    vector = {
        "type": "knn_vector",
        "dimension": settings.embedding_dimensions,
        "method": {"name": "hnsw", "engine": "faiss", "space_type": "l2"},
    }
    properties = {
        FIELDS["vectorField"]: vector,
        FIELDS["textField"]: {"type": "text"},
        FIELDS["metadataField"]: {"type": "text", "index": False},
    }
    return {"settings": {"index": {"knn": True}}, "mappings": {"properties": properties}}


def require_created(name: str, answer: httpx.Response) -> None:
    """Return when the index is there, else say why it is not."""
    if ALREADY_THERE not in answer.text:
        require_success(f"OpenSearch index {name} was not created", answer)


def require_success(failure: str, answer: httpx.Response) -> None:
    """Return when the collection did as asked, else say why it did not."""
    if answer.is_success:
        return
    what = f"{failure}: HTTP {answer.status_code} {answer.text[:300]}"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise AccessDeniedError(f"{what}. Name our role in the collection's data access policy.")
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        raise RetryableError(what)
    raise RefusedByAwsError(what)
