"""Every error of the intake leaves as application/problem+json (RFC 9457)."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException

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


def build_problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem document as a response; `more` adds members of our own."""
    response = jsonify(describe_problem(status, code, detail, g.get("request_id"), **more))
    response.status_code = status
    response.mimetype = PROBLEM_TYPE
    if status == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def handle_our_error(error: OratioError) -> Response:
    """An error of our tree; its message is written for the caller, unless it is a 500."""
    status = find_status(error)
    if status == 500:
        return handle_unexpected_error(error)
    more = {"errors": error.errors} if isinstance(error, InvalidFormError) else {}
    response = build_problem(status, error.code, error.message, **more)
    if seconds := find_retry_after(error):
        response.headers["Retry-After"] = str(seconds)
    return response


def handle_aws_error(error: ClientError | BotoCoreError) -> Response:
    """AWS refused or failed: the caller learns only whether to try again."""
    log.error("aws error: %s", error)
    if isinstance(from_aws(error), RetryableError):
        return build_problem(503, "service_unavailable", "A service is busy. Try again shortly.")
    return build_problem(500, "internal_error", INTERNAL_ERROR)


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
    return build_problem(500, "internal_error", INTERNAL_ERROR)


def register_error_handlers(app: Flask) -> None:
    """Attach all handlers."""
    app.register_error_handler(OratioError, handle_our_error)
    app.register_error_handler(ClientError, handle_aws_error)
    app.register_error_handler(BotoCoreError, handle_aws_error)
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(Exception, handle_unexpected_error)
