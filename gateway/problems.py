"""What went wrong, as a problem document, or in OpenAI's shape below `/v1/`."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.pace import ClientGoneError
from include.aws import from_aws
from include.errors import OratioError, RetryableError
from include.problems import (
    CHALLENGE,
    INTERNAL_ERROR,
    PROBLEM_TYPE,
    InvalidFormError,
    describe_problem,
    find_retry_after,
    find_status,
)

log = logging.getLogger(__name__)

CLIENT_GONE = 499  # nginx's; nobody sees it but the log
BUSY = "A service is busy. Try again shortly."
OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def describe_error(request: Request, error: OratioError) -> dict[str, Any]:
    """An error of our tree as a problem; its message is written for the caller, but for a 500."""
    status = find_status(error)
    if status == 500:
        log.error("unexpected error", exc_info=error)
        return describe(request, 500, "internal_error", INTERNAL_ERROR)
    more = {"errors": error.errors} if isinstance(error, InvalidFormError) else {}
    return describe(request, status, error.code, error.message, **more)


def describe(request: Request, status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """A problem of this request."""
    return describe_problem(status, code, detail, request.state.request_id, **more)


def build_response(request: Request, problem: dict[str, Any]) -> Response:
    """The problem as an answer, in the shape that the path's clients expect."""
    status = problem["status"]
    headers = {"WWW-Authenticate": CHALLENGE} if status == 401 else {}
    if "/v1/" in request.url.path:
        return JSONResponse(to_openai(problem), status, headers)
    return JSONResponse(problem, status, headers, PROBLEM_TYPE)


def to_openai(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem in OpenAI's shape."""
    status = problem["status"]
    default = "server_error" if status >= 500 else "invalid_request_error"
    fields = [f"{each['field']}: {each['message']}" for each in problem.get("errors", [])]
    return {
        "error": {
            "message": problem["detail"],
            "type": OPENAI_TYPES.get(status, default),
            "param": fields[0].partition(":")[0] if fields else None,
            "code": problem["code"],
        }
    }


async def handle_our_error(request: Request, error: OratioError) -> Response:
    """An error of our tree."""
    response = build_response(request, describe_error(request, error))
    if seconds := find_retry_after(error):
        response.headers["Retry-After"] = str(seconds)
    return response


async def handle_aws_error(request: Request, error: ClientError | BotoCoreError) -> Response:
    """AWS refused or failed: the caller learns only whether to try again."""
    log.error("aws error: %s", error)
    if isinstance(from_aws(error), RetryableError):
        return build_response(request, describe(request, 503, "service_unavailable", BUSY))
    return build_response(request, describe(request, 500, "internal_error", INTERNAL_ERROR))


async def handle_http_error(request: Request, error: HTTPException) -> Response:
    """Starlette's own errors (404, 405, 413 ...), in the same shape."""
    name = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    problem = describe(request, error.status_code, name, error.detail)
    response = build_response(request, problem)
    response.headers.update(error.headers or {})
    return response


async def handle_client_gone(request: Request, error: Exception) -> Response:
    """Nobody is there to be answered."""
    return Response(status_code=CLIENT_GONE)


async def handle_unexpected_error(request: Request, error: Exception) -> Response:
    """A bug: logged in full, shown as nothing."""
    log.error("unexpected error", exc_info=error)
    return build_response(request, describe(request, 500, "internal_error", INTERNAL_ERROR))


HANDLERS: dict[Any, Any] = {
    OratioError: handle_our_error,
    ClientError: handle_aws_error,
    BotoCoreError: handle_aws_error,
    ClientGoneError: handle_client_gone,
    HTTPException: handle_http_error,
    Exception: handle_unexpected_error,
}
