"""Errors as application/problem+json (RFC 9457): what, which field, what to do."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from include.errors import (
    AgentTimeoutError,
    AgentUnavailableError,
    ForbiddenError,
    InvalidInputError,
    KeyReusedError,
    NotActiveError,
    NotFoundError,
    OratioError,
    RateLimitError,
    RequestInFlightError,
    RetryableError,
    RevisionMismatchError,
    TenantQuotaError,
    UnauthorizedError,
    WrongStateError,
)

PROBLEM_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="oratio"'
INTERNAL_ERROR = "The request failed on our side."
TITLES = {401: "Unauthorized", 422: "Invalid input", 502: "Agent unavailable"}


class InvalidFormError(OratioError):
    """One or more fields break a rule; `errors` lists {"field", "message"}."""

    code = "invalid_input"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{e['field']}: {e['message']}" for e in errors))
        self.errors = errors


# The first class that matches decides; anything else of ours is a 500.
STATUS_BY_ERROR: list[tuple[type[OratioError], int]] = [
    (UnauthorizedError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (NotActiveError, 409),
    (WrongStateError, 409),
    (RequestInFlightError, 409),
    (RevisionMismatchError, 412),
    (KeyReusedError, 422),
    (InvalidFormError, 422),
    (InvalidInputError, 422),
    (TenantQuotaError, 429),
    (RateLimitError, 429),
    (AgentUnavailableError, 502),
    (AgentTimeoutError, 504),
    (RetryableError, 503),
]


def find_status(error: OratioError) -> int:
    """The HTTP status that says what happened."""
    return next((status for kind, status in STATUS_BY_ERROR if isinstance(error, kind)), 500)


def find_retry_after(error: OratioError) -> int | None:
    """The seconds after which the same request may pass, where that is known."""
    if isinstance(error, (TenantQuotaError, RateLimitError)):
        return error.retry_after_seconds
    return None


def describe_problem(
    status: int, code: str, detail: str, request_id: str | None, **more: Any
) -> dict[str, Any]:
    """A problem document; `more` adds members of our own."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status) or code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        "requestId": request_id,
        **more,
    }


def describe_validation(error: ValidationError) -> list[dict[str, str]]:
    """Pydantic's findings as {"field", "message"}, without the offending input."""
    return [
        {"field": ".".join(map(str, each["loc"])) or "body", "message": each["msg"]}
        for each in error.errors(include_input=False, include_url=False)
    ]
