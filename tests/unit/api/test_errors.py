"""Every error leaves as a problem document that names no secret."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from flask import Flask

from api.app import create_app
from include import errors
from include.problems import InvalidFormError

SECRET = "arn:aws:iam::123456789012:role/secret"


def aws_error(code: str, status: int) -> ClientError:
    error = {"Code": code, "Message": SECRET}
    return ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}, "Op")


@pytest.fixture
def app() -> Flask:
    app = create_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def fail_with(app: Flask, error: Exception):
    @app.get("/fail")
    def fail():
        raise error

    return app.test_client().get("/fail")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.UnauthorizedError("Send a token."), 401, "unauthorized"),
        (errors.NotFoundError("There is none."), 404, "not_found"),
        (errors.NotActiveError("Not yet."), 409, "not_active"),
        (InvalidFormError([{"field": "sop", "message": "is short"}]), 422, "invalid_input"),
        (errors.InvalidInputError("Wrong."), 422, "invalid_input"),
        (errors.AgentUnavailableError("Later."), 502, "agent_unavailable"),
        (errors.ThrottledError("Later."), 503, "throttled"),
    ],
)
def test_errors_meant_for_the_caller(app, error, status, code):
    answer = fail_with(app, error)
    assert answer.mimetype == "application/problem+json"
    assert answer.status_code == answer.json["status"] == status
    assert (answer.json["code"], answer.json["detail"]) == (code, error.message)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError(SECRET), 500),
        (errors.QuotaReachedError(SECRET), 500),
        (errors.AccessDeniedError(SECRET), 500),
        (errors.OratioError(SECRET), 500),
        (aws_error("AccessDeniedException", 403), 500),
        (aws_error("ValidationException", 400), 500),
        (aws_error("ThrottlingException", 429), 503),
        (aws_error("InternalServerError", 500), 503),
        (EndpointConnectionError(endpoint_url=SECRET), 503),
    ],
)
def test_errors_that_are_none_of_the_caller_s_business(app, error, status):
    answer = fail_with(app, error)
    assert answer.mimetype == "application/problem+json"
    assert answer.status_code == status
    assert SECRET not in answer.text


def test_fields_are_named(app):
    findings = [{"field": "sop", "message": "is short"}]
    answer = fail_with(app, InvalidFormError(findings))
    assert answer.json["errors"] == findings


def test_a_refusal_says_which_scheme_to_use(app):
    answer = fail_with(app, errors.UnauthorizedError("Send a token."))
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/health", 405)]
)
def test_flask_s_own_errors_have_the_same_shape(app, method, path, status):
    answer = app.test_client().open(path, method=method)
    assert answer.mimetype == "application/problem+json"
    assert (answer.status_code, answer.json["status"]) == (status, status)


def test_health_needs_no_token_and_no_service(app):
    answer = app.test_client().get("/health")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
