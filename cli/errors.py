"""Every expected failure: a sentence for people, a problem for programs, an exit code for both."""

from __future__ import annotations

from typing import Any, ClassVar


class CommandError(Exception):
    """The command failed; the message says why and what to do.

    `problem` is the API's problem document (RFC 9457) when there is one.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "failed"

    def __init__(self, message: str, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem or {"code": self.code, "detail": message}


class TemporaryError(CommandError):
    """The API is busy or restarting: the same request may succeed later."""

    code = "temporary"

    def __init__(
        self, message: str, problem: dict[str, Any] | None = None, retry_after_seconds: float = 0
    ) -> None:
        super().__init__(message, problem)
        self.retry_after_seconds = retry_after_seconds


class UsageError(CommandError):
    """The command was given something it cannot work with."""

    exit_code = 2
    code = "usage"


class NotAuthorizedError(CommandError):
    """There is no token, or the API does not take it."""

    exit_code = 3
    code = "unauthorized"


class NotFoundError(CommandError):
    """There is no such agent, or it is somebody else's."""

    exit_code = 4
    code = "not_found"


class UnreachableError(CommandError):
    """The API does not answer."""

    exit_code = 5
    code = "unreachable"


class InterruptError(CommandError):
    """Ctrl-C, at a moment when it matters what has been done already."""

    exit_code = 130  # what shells report for SIGINT
    code = "interrupted"
