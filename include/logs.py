"""Logs as one JSON object a line, with the request's id; never a message of an unknown error.

An exception's message may quote what a tenant sent: only its type and its place in the code are
logged.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger


def format_exception(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Replace the exception by its type and where it happened."""
    found: Any = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["exception"] = type(error).__name__
        event["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    format_exception,
]
FORMATTER: dict[str, Any] = {
    "()": structlog.stdlib.ProcessorFormatter,
    "foreign_pre_chain": PROCESSORS,
    "processors": [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ],
}
QUIET: dict[str, Any] = {"level": "INFO", "handlers": [], "propagate": True}
# For logging.config.dictConfig, and so for gunicorn.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": FORMATTER},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": QUIET,
        "gunicorn.access": QUIET | {"level": "WARNING"},
        # It logs the address of every WebSocket with its query; gateway/request_log.py does not.
        "uvicorn.error": QUIET | {"level": "WARNING"},
        "websockets": QUIET | {"level": "WARNING"},
        # They log addresses and keys of every call.
        "httpx": QUIET | {"level": "WARNING"},
        "botocore": QUIET | {"level": "WARNING"},
    },
}
