"""How a call ends that nobody hung up: its close code, and the frame that says why."""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError

from gateway.call_frames import Frame
from gateway.problems import BUSY
from include.aws import from_aws
from include.errors import InvalidInputError, OratioError, RetryableError
from include.problems import INTERNAL_ERROR, find_retry_after, find_status

log = logging.getLogger(__name__)

# 4000 to 4999 are an application's own: an HTTP status and 4000.
FIRST_CODE = 4000
TIME_OVER = 408


class NoVoiceError(InvalidInputError):
    """The agent writes and does not speak."""

    code = "no_voice"


class TimeOverError(OratioError):
    """The call took a time that it may not take."""


class CallTooLongError(TimeOverError):
    """The call has lasted as long as one may."""

    code = "call_too_long"


class CallIdleError(TimeOverError):
    """Neither side has sent anything for a while."""

    code = "call_idle"


class ClientTooSlowError(TimeOverError):
    """The caller does not read what it is sent."""

    code = "client_too_slow"


def find_close_code(error: OratioError) -> int:
    """The WebSocket's close code."""
    status = TIME_OVER if isinstance(error, TimeOverError) else find_status(error)
    return FIRST_CODE + status


def describe_end(error: OratioError) -> Frame:
    """The last frame; its message is written for the caller."""
    frame = {"type": "error", "code": error.code, "message": error.message}
    seconds = find_retry_after(error)
    return frame | {"retryAfterSeconds": seconds} if seconds else frame


def explain_end(error: Exception) -> OratioError:
    """Our error for any other, which is logged and not shown."""
    if isinstance(error, OratioError) and find_close_code(error) != FIRST_CODE + 500:
        return error
    if isinstance(error, (ClientError, BotoCoreError)):
        log.error("aws error: %s", error)
        if isinstance(from_aws(error), RetryableError):
            return RetryableError(BUSY)
    else:
        log.error("unexpected error", exc_info=error)
    return OratioError(INTERNAL_ERROR)
