"""The intake in processes that die: each line of input is one, to be killed after so many writes.

`python -m tests.crashing_intake FD` serves on an inherited socket and prints, for each line, 0
when that process answered its one request, or the signal that ended it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
from botocore.client import BaseClient
from flask import Flask
from werkzeug.serving import make_server

from api.app import create_app

READS = ("Get", "Head", "List", "Query", "Scan", "Describe")


class Fuse:
    """Ends the process, without any farewell, once it has made so many writes."""

    def __init__(self, writes: int) -> None:
        self.left = writes
        self.lock = threading.Lock()

    def count(self, write: Callable[[], Any]) -> Any:
        """Make one write; the next one waits until this one has come back."""
        with self.lock:
            answer = write()
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return answer


def install(fuse: Fuse) -> None:
    """Put the fuse before all calls of AWS and Airflow."""
    call, post = BaseClient._make_api_call, httpx.Client.request

    def call_aws(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        if operation.startswith(READS):
            return call(client, operation, arguments)
        return fuse.count(lambda: call(client, operation, arguments))

    def call_airflow(client: httpx.Client, method: str, *arguments: Any, **options: Any) -> Any:
        if method == "GET":
            return post(client, method, *arguments, **options)
        return fuse.count(lambda: post(client, method, *arguments, **options))

    BaseClient._make_api_call = call_aws
    httpx.Client.request = call_airflow  # type: ignore[method-assign]


def serve_one(app: Flask, listener: int, writes: int) -> None:
    """Answer one request, if the fuse lets us."""
    install(Fuse(writes))
    server = make_server("127.0.0.1", 0, app, fd=os.dup(listener))
    server.handle_request()


def main() -> None:
    """One child process a line."""
    listener = int(sys.argv[1])
    app = create_app()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            serve_one(app, listener, int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
