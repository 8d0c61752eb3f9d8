"""A proxy before Airflow's API server that loses and refuses requests at a given rate."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import urlsplit

KINDS = ("unavailable", "request lost", "answer lost")
PER_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class FaultyProxy(ThreadingHTTPServer):
    """Forwards to `upstream`; a share of `rate` of the requests meets one of KINDS."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, upstream: str, seed: int = 7) -> None:
        super().__init__(("127.0.0.1", port), Forwarder)
        self.upstream = urlsplit(upstream).netloc
        self.dice, self.lock = Random(seed), threading.Lock()
        self.rate = 0.0
        self.met: Counter[str] = Counter()

    def draw(self) -> str:
        """What a request meets: one of KINDS, or "passed"."""
        with self.lock:
            is_hit = self.dice.random() < self.rate
            kind = self.dice.choice(KINDS) if is_hit else "passed"
            self.met[kind] += 1
            return kind

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that give up are no news."""


class Forwarder(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def forward(self) -> None:
        """Forward one request, unless it meets a fault."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.draw()
        if fault == "request lost":
            self.close_connection = True
        elif fault == "unavailable":
            self.send_error(503)
        else:
            answer = self.ask(body)
            if fault == "answer lost" or answer is None:
                self.close_connection = True
            else:
                self.pass_on(*answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = forward

    def ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
        """The API server's answer, or None when it is down."""
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in PER_HOP}
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except OSError:
            return None
        finally:
            connection.close()

    def pass_on(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send the API server's answer."""
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in PER_HOP:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@contextmanager
def serve_proxy(port: int, upstream: str) -> Iterator[FaultyProxy]:
    """A running proxy, without faults until its `rate` is set."""
    with FaultyProxy(port, upstream) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        yield proxy
        proxy.shutdown()
