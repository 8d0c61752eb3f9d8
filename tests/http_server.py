"""A small real HTTP server for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

from werkzeug.serving import make_server


def serve(handler: type[BaseHTTPRequestHandler]) -> AbstractContextManager[str]:
    """Serve on a free port; yields the address."""
    return run(ThreadingHTTPServer(("127.0.0.1", 0), handler))


def serve_wsgi(app: Any) -> AbstractContextManager[str]:
    """Serve a WSGI application on a free port; yields the address."""
    return run(make_server("127.0.0.1", 0, app, threaded=True))


@contextmanager
def run(server: HTTPServer) -> Iterator[str]:
    """Run a server in a thread of its own; yields its address."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
