"""What is never logged, whatever a library would like to say."""

from __future__ import annotations

from include.logs import LOGGING


def test_libraries_that_log_addresses_are_quiet():
    loggers = LOGGING["loggers"]
    # The query of a WebSocket's address may hold a signature, or what a customer took for a token.
    for name in ("uvicorn.error", "websockets", "httpx", "botocore"):
        assert loggers[name]["level"] == "WARNING", name
