"""The way to AWS: clients, and the one table from AWS error codes to our errors."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from weakref import WeakSet

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from include.errors import (
    AccessDeniedError,
    ConflictError,
    NotFoundError,
    OratioError,
    QuotaReachedError,
    RefusedByAwsError,
    RetryableError,
    ThrottledError,
)
from include.settings import get_settings

ERRORS_BY_CODE: dict[str, type[OratioError]] = {
    "ThrottlingException": ThrottledError,
    "TooManyRequestsException": ThrottledError,
    "ProvisionedThroughputExceededException": ThrottledError,
    "RequestLimitExceeded": ThrottledError,
    "RequestTimeout": RetryableError,  # S3: the body came too slowly
    "SlowDown": ThrottledError,
    "ConflictException": ConflictError,
    "RetryableConflictException": ConflictError,
    "TransactionConflictException": ConflictError,
    "TransactionCanceledException": ConflictError,
    "TransactionInProgressException": ConflictError,
    "OperationAborted": ConflictError,  # S3
    "ConditionalRequestConflict": ConflictError,  # S3
    "ServiceQuotaExceededException": QuotaReachedError,
    "AccessDeniedException": AccessDeniedError,
    "AccessDenied": AccessDeniedError,
    "UnrecognizedClientException": AccessDeniedError,
    "ExpiredTokenException": AccessDeniedError,
    "ValidationException": RefusedByAwsError,
    "ResourceNotFoundException": NotFoundError,
    "NotFoundException": NotFoundError,
    "NoSuchKey": NotFoundError,
    "NoSuchBucket": NotFoundError,
}

# AWS's own messages name the cause, not what the reader of ours can do.
ADVICE: dict[type[OratioError], str] = {
    QuotaReachedError: "Delete agents you no longer need, or have the quota raised; then retry.",
    AccessDeniedError: "An operator must give the role this permission; then retry.",
    RefusedByAwsError: "Trying again will not help: report it with the agent's id.",
}


NOT_FOUND_CODES = frozenset(
    {"ResourceNotFoundException", "NotFoundException"}
)  # S3 Vectors' is short


CLIENTS: WeakSet[Any] = WeakSet()
# How CloudTrail shows our calls. botocore makes up its own anew for each call, a tenth of its work.
USER_AGENT = f"oratio Boto3/{boto3.__version__}"


@lru_cache(maxsize=32)
def client(service: str) -> Any:
    """A thread-safe client, made once a process; endpoints and credentials come from the chain."""
    config = Config(
        user_agent=USER_AGENT,
        connect_timeout=5,
        # A model writes for minutes before it answers.
        read_timeout=600 if service == "bedrock-runtime" else 70,
        max_pool_connections=32,
        retries={"mode": "standard", "total_max_attempts": 4},
        # Presigned uploads would else be signed the old way, which encrypted buckets refuse.
        signature_version="s3v4" if service == "s3" else None,
        # Bodies carry a checksum; over HTTPS botocore leaves them out of the signature by itself.
        s3={"payload_signing_enabled": False} if service == "s3" else None,
    )
    made = boto3.client(service, region_name=get_settings().aws_region, config=config)
    CLIENTS.add(made)
    return made


def close_idle_connections() -> None:
    """Let every client connect anew: after a fork two processes would use one connection."""
    for made in list(CLIENTS):
        made.close()


os.register_at_fork(before=close_idle_connections)


def error_code(error: ClientError) -> str:
    """AWS's code of an error, e.g. `ConflictException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def from_aws(error: ClientError | BotoCoreError) -> OratioError:
    """Our error for one of boto3's; an unknown code is retryable only when the server failed."""
    if isinstance(error, ParamValidationError):
        return RefusedByAwsError(str(error))
    if isinstance(error, BotoCoreError):
        return RetryableError(f"AWS could not be reached: {error}")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    default = RetryableError if status >= 500 else RefusedByAwsError
    kind = ERRORS_BY_CODE.get(error_code(error), default)
    return kind(" ".join(filter(None, [end_sentence(str(error)), ADVICE.get(kind)])))


def end_sentence(text: str) -> str:
    """AWS's message, which may end without a period."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def find(get: Callable[..., Any], **arguments: Any) -> dict[str, Any] | None:
    """The answer of a get operation, or None when the resource does not exist."""
    try:
        answer: dict[str, Any] = get(**arguments)
    except ClientError as error:
        if error_code(error) in NOT_FOUND_CODES:
            return None
        raise
    return answer


def delete_if_there(delete: Callable[..., Any], **arguments: Any) -> None:
    """Call a delete operation, taking a resource that does not exist for success."""
    find(delete, **arguments)


def create_unless_there(
    create: Callable[..., Any], find_it: Callable[[], Any], **arguments: Any
) -> Any:
    """The answer of a create operation, or what is there already if that is why it conflicts."""
    try:
        return create(**arguments)
    except ClientError as error:
        found = find_it() if error_code(error) == "ConflictException" else None
        if not found:
            raise
        return found
