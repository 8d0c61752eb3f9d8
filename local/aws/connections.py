"""HTTP as AWS speaks it: a connection carries many requests, which werkzeug's server cannot do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from wsgiref.handlers import SimpleHandler

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

BUFFER_BYTES = 65536
WITHOUT_BODY = ("204", "304")


class Answer(SimpleHandler):
    """The application's answer to one request; what has no length goes out in chunks."""

    http_version = "1.1"
    is_chunked = False
    is_whole = False

    def __init__(self, environ: dict[str, Any], wfile: Any, log: Callable[[str], None]) -> None:
        super().__init__(environ["wsgi.input"], wfile, sys.stderr, environ)
        self.log = log

    def setup_environ(self) -> None:
        """The request's environment only, without the process's."""
        self.environ = dict(self.base_env)

    def cleanup_headers(self) -> None:
        """Say where the answer ends, and log its status."""
        self.log(self.status[:3])
        self.is_chunked = self.has_body and "Content-Length" not in self.headers
        if self.is_chunked:
            self.headers["Transfer-Encoding"] = "chunked"

    @property
    def has_body(self) -> bool:
        """Whether the client expects one."""
        is_head = self.environ["REQUEST_METHOD"] == "HEAD"
        return not is_head and self.status[:3] not in WITHOUT_BODY

    def write(self, data: bytes) -> None:
        """Send a part at once, the headers before the first."""
        if not self.headers_sent:
            self.send_headers()
        if data and self.has_body:
            self._write(b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data)
        self._flush()

    def finish_content(self) -> None:
        """Send the end."""
        super().finish_content()
        if self.is_chunked:
            self._write(b"0\r\n\r\n")
        self._flush()
        self.is_whole = True


class RequestHandler(MotoRequestHandler):
    """Keeps the connection unless an answer was broken off; logs errors only.

    A line for each of a run's hundred calls would cost a seventh of their time.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = BUFFER_BYTES

    def run_wsgi(self) -> None:
        """Answer one request and read all of it, so that the next one can follow."""
        environ = self.make_environ()
        answer = Answer(environ, self.wfile, self.log_request)
        answer.run(self.server.app)
        if not answer.is_whole or not has_read_all(environ):
            self.close_connection = True

    def finish(self) -> None:
        """Close the connection; what a client that has gone did not read is dropped."""
        with suppress(ConnectionError):
            super().finish()

    def make_environ(self) -> dict[str, Any]:
        """WSGI's environment, whose input ends where the request does."""
        environ: dict[str, Any] = super().make_environ()
        if not environ.get("wsgi.input_terminated"):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"] = LimitedStream(environ["wsgi.input"], length)
            environ["wsgi.input_terminated"] = True
        return environ

    def handle_expect_100(self) -> bool:
        """Ask for the body, which the client waits to send."""
        is_welcome = super().handle_expect_100()
        self.wfile.flush()
        return is_welcome

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write a line for an error."""
        if not str(code).startswith(("1", "2", "3")):
            super().log_request(code, size)


def has_read_all(environ: dict[str, Any]) -> bool:
    """Read what the application left of a request; False when its client has gone."""
    try:
        while environ["wsgi.input"].read(BUFFER_BYTES):
            pass
    except (ClientDisconnected, OSError):
        return False
    return True
