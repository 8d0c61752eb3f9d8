"""The intake under gunicorn and requests written byte by byte."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse

import psutil

from local.tokens import make_token
from tests.fakes import FORM, ROOT

USER = "socket-user"
BOUNDARY = "frontier"


@contextmanager
def serve_intake(stand_in_url: str) -> Iterator[int]:
    """Gunicorn on a socket that it inherits; its port."""
    with run_intake(stand_in_url) as (port, _):
        yield port


@contextmanager
def run_intake(stand_in_url: str, **variables: str) -> Iterator[tuple[int, psutil.Process]]:
    """One worker of gunicorn, configured as it is served; its port and its parent process."""
    listener = socket.create_server(("127.0.0.1", 0))
    command = [sys.executable, "-m", "gunicorn", "--config", "python:api.serving"]
    command += ["--bind", f"fd://{listener.fileno()}", "--workers", "1", "--threads", "4"]
    environment = os.environ | {
        "AWS_ENDPOINT_URL": stand_in_url,
        "AIRFLOW_URL": "http://127.0.0.1:1",
        **variables,
    }
    server = subprocess.Popen(
        [*command, "api.app:create_app()"], cwd=ROOT, env=environment,
        pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield listener.getsockname()[1], psutil.Process(server.pid)
    server.terminate()
    server.wait(timeout=30)
    listener.close()


def read_memory(server: psutil.Process) -> int:
    """Resident bytes of a server and its workers."""
    return sum(p.memory_info().rss for p in (server, *server.children(recursive=True)))


def encode(*parts: tuple[str, bytes]) -> bytes:
    body = b""
    for disposition, content in parts:
        head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
        body += head.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


FIELDS = [(f'name="{name}"', value.encode()) for name, value in FORM.items()]
FILE = ('name="files"; filename="a.md"', b"Bicycles may be returned within 30 days.")
WHOLE = encode(*FIELDS, FILE)


def post(port: int, body: bytes, kind: str | None = None, length: int | None = None):
    """Send these very bytes and close our side; returns status, content type and JSON."""
    headers = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {make_token(USER, os.environ['JWT_SECRET'])}",
        "Content-Type": kind or f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": len(body) if length is None else length,
        "Connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"POST /api/agents HTTP/1.1\r\n{head}\r\n".encode() + body)
        connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection)
        response.begin()
        return response.status, response.getheader("Content-Type"), json.loads(response.read())
