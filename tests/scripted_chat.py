"""A small OpenAI-compatible server that says what it is told to, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.http_server import serve


@contextmanager
def serve_chat(answers: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve; yields the address and the requests, as they come."""
    left = iter(answers)
    asked: list[dict[str, Any]] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/chat/completions"
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = next(left)
            usage = {
                "prompt_tokens": answer["input_tokens"],
                "completion_tokens": answer["output_tokens"],
            }
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for chunk in (
                {"choices": [{"delta": {"content": answer["text"]}}]},
                {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage},
            ):
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with serve(Chat) as url:
        yield url, asked
