"""AWS's errors become ours, and the class says whether trying again can help."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from include import errors
from include.aws import client, error_code, from_aws


def aws_error(code: str, status: int = 400) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": "m"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Operation")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ThrottlingException", errors.ThrottledError),
        ("TooManyRequestsException", errors.ThrottledError),
        ("ProvisionedThroughputExceededException", errors.ThrottledError),
        ("SlowDown", errors.ThrottledError),
        ("ConflictException", errors.ConflictError),
        ("RetryableConflictException", errors.ConflictError),
        ("TransactionCanceledException", errors.ConflictError),
        ("OperationAborted", errors.ConflictError),
        ("ServiceQuotaExceededException", errors.QuotaReachedError),
        ("AccessDeniedException", errors.AccessDeniedError),
        ("AccessDenied", errors.AccessDeniedError),
        ("ExpiredTokenException", errors.AccessDeniedError),
        ("ValidationException", errors.RefusedByAwsError),
        ("ResourceNotFoundException", errors.NotFoundError),
        ("NoSuchKey", errors.NotFoundError),
    ],
)
def test_known_codes(code, expected):
    ours = from_aws(aws_error(code))
    assert type(ours) is expected
    assert code in ours.message


@pytest.mark.parametrize("code", ["ServiceQuotaExceededException", "AccessDeniedException"])
def test_what_cannot_pass_says_what_to_do(code):
    message = from_aws(aws_error(code)).message
    assert message.startswith(f"{aws_error(code)}. ")
    assert message.endswith("then retry.")


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, errors.RefusedByAwsError), (500, errors.RetryableError), (503, errors.RetryableError)],
)
def test_unknown_codes_are_retried_only_when_the_server_failed(status, expected):
    assert type(from_aws(aws_error("NewlyInventedException", status))) is expected


def test_an_unreachable_service_may_come_back():
    error = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    assert type(from_aws(error)) is errors.RetryableError


def test_a_request_that_botocore_refuses_stays_refused():
    assert type(from_aws(ParamValidationError(report="r"))) is errors.RefusedByAwsError


def test_an_error_without_a_code():
    assert error_code(ClientError({}, "Operation")) == ""
    assert type(from_aws(ClientError({}, "Operation"))) is errors.RetryableError


def test_one_client_a_service():
    assert client("s3") is client("s3")
    assert client("s3") is not client("dynamodb")
