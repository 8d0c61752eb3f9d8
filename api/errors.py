"""Every error leaves as application/problem+json (RFC 9457): what, which field, what to do."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException

from include.aws import from_aws
from include.errors import (
    AgentUnavailableError,
    InvalidInputError,
    KeyReusedError,
    NotFoundError,
    OratioError,
    RequestInFlightError,
    RetryableError,
    RevisionMismatchError,
    TenantQuotaError,
    WrongStateError,
)

log = logging.getLogger(__name__)


class UnauthorizedError(OratioError):
    """The request carries no valid bearer token."""

    code = "unauthorized"


class NotActiveError(OratioError):
    """The agent cannot be asked in its present state."""

    code = "not_active"


class InvalidFormError(OratioError):
    """One or more fields break a rule; `errors` lists {"field", "message"}."""

    code = "invalid_input"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{e['field']}: {e['message']}" for e in errors))
        self.errors = errors


# The first class that matches decides; anything else of ours is a 500.
STATUS_BY_ERROR: list[tuple[type[OratioError], int]] = [
    (UnauthorizedError, 401),
    (NotFoundError, 404),
    (NotActiveError, 409),
    (WrongStateError, 409),
    (RequestInFlightError, 409),
    (RevisionMismatchError, 412),
    (KeyReusedError, 422),
    (InvalidFormError, 422),
    (InvalidInputError, 422),
    (TenantQuotaError, 429),
    (AgentUnavailableError, 502),
    (RetryableError, 503),
]


def build_problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem document; `more` adds members of our own."""
    titles = {401: "Unauthorized", 422: "Invalid input", 502: "Agent unavailable"}
    title = titles.get(status) or code.replace("_", " ").capitalize()
    response = jsonify(
        {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
        | {"requestId": g.get("request_id")}
        | more
    )
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="oratio"'
    return response


def handle_our_error(error: OratioError) -> Response:
    """An error of our tree; its message is written for the caller, unless it is a 500."""
    status = next((s for kind, s in STATUS_BY_ERROR if isinstance(error, kind)), 500)
    if status == 500:
        return handle_unexpected_error(error)
    more = {"errors": error.errors} if isinstance(error, InvalidFormError) else {}
    response = build_problem(status, error.code, error.message, **more)
    if isinstance(error, TenantQuotaError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def handle_aws_error(error: ClientError | BotoCoreError) -> Response:
    """AWS refused or failed: the caller learns only whether to try again."""
    log.error("aws error: %s", error)
    if isinstance(from_aws(error), RetryableError):
        return build_problem(503, "service_unavailable", "A service is busy. Try again shortly.")
    return build_problem(500, "internal_error", "The request failed on our side.")


def handle_http_error(error: HTTPException) -> Response:
    """Flask's and Werkzeug's own errors (404, 405, 413 ...), in the same shape."""
    if error.code is None or error.code < 400:  # a redirect, e.g. to the path without `//`
        return error.get_response()  # type: ignore[return-value]
    name = (error.name or "error").lower().replace(" ", "_")
    problem = build_problem(error.code, name, error.description or "")
    for header, value in error.get_headers():
        if header.lower() in ("allow", "retry-after"):
            problem.headers[header] = value
    return problem


def handle_unexpected_error(error: Exception) -> Response:
    """A bug: logged in full, shown as nothing."""
    log.error("unexpected error", exc_info=error)
    return build_problem(500, "internal_error", "The request failed on our side.")


def register_error_handlers(app: Flask) -> None:
    """Attach all handlers."""
    app.register_error_handler(OratioError, handle_our_error)
    app.register_error_handler(ClientError, handle_aws_error)
    app.register_error_handler(BotoCoreError, handle_aws_error)
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(Exception, handle_unexpected_error)
