"""A receiver of webhooks on this machine, which does what the test tells it to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from gateway.deliveries import run_deliveries
from include.aws import client
from include.webhooks.outbox import DeliveryStatus
from tests.http_server import serve

LIMIT_SECONDS = 60


@dataclass
class Receiver:
    """What came, and what is answered: the statuses in turn, then 204 for ever."""

    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    location: str = ""
    url: str = ""

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        """Take a request; returns the status."""
        self.requests.append((headers, body))
        status = self.statuses.pop(0) if self.statuses else 204
        self.answered.append(status)
        return status

    @property
    def successes(self) -> int:
        """How many requests were answered 2xx."""
        return sum(200 <= status < 300 for status in self.answered)


@contextmanager
def serve_receiver() -> Iterator[Receiver]:
    """A Receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.answer(headers, body))
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with serve(Handler) as url:
        receiver.url = f"{url}/hook"
        yield receiver


def list_pending() -> list[dict[str, Any]]:
    """What the outbox still has to do."""
    return [
        item
        for item in client("dynamodb").scan(TableName="oratio-outbox")["Items"]
        if item["status"]["S"] == DeliveryStatus.PENDING
    ]


def deliver_all() -> None:
    """Run a gateway's loop until nothing is left to do."""

    async def run() -> None:
        async with run_deliveries():
            ends_at = time.monotonic() + LIMIT_SECONDS
            while await asyncio.to_thread(list_pending):
                assert time.monotonic() < ends_at, "something stays undelivered"
                await asyncio.sleep(0.02)

    asyncio.run(run())
