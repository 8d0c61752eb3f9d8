"""For those who run the gateway: whether it lives, whether it can serve, and its metrics."""

from __future__ import annotations

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.services import get_services
from include.readiness import Checks, ReadinessCache, check_tables
from include.settings import get_settings

# From a refusal to the first words of a model that searches before it speaks.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter(
    "oratio_gateway_requests",
    "Requests and calls that have ended, a call with its close code (101: by its client).",
    ["route", "status"],
)
FIRST_BYTE = Histogram(
    "oratio_gateway_first_byte_seconds",
    "Time until the first part of an answer leaves.",
    ["route"],
    buckets=BUCKETS,
)
ANSWERS = Gauge("oratio_gateway_answers", "Answers being given now.")
CALLS = Gauge("oratio_gateway_calls", "Calls being held now.")


def count_request(route: str, status: int, first_seconds: float | None) -> None:
    """Add one request; labels come from fixed sets, so callers cannot fill the memory."""
    REQUESTS.labels(route, str(status)).inc()
    if first_seconds is not None:
        FIRST_BYTE.labels(route).observe(first_seconds)


async def get_metrics(request: Request) -> Response:
    """Prometheus metrics of this process."""
    services = get_services(request)
    ANSWERS.set(services.answers)
    CALLS.set(services.calls.callers.total())
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def check_health(request: Request) -> Response:
    """The process lives."""
    return JSONResponse({"status": "ok"})


async def check_readiness(request: Request) -> Response:
    """Say whether requests can be served; `degraded` still serves, but delivers no webhooks."""
    readiness = await asyncio.to_thread(READINESS.look)
    status = 503 if readiness.status == "unready" else 200
    return JSONResponse(readiness.model_dump(mode="json", by_alias=True), status)


def list_checks() -> tuple[Checks, Checks]:
    """What answering needs, and what telling tenants about it needs besides."""
    settings = get_settings()
    needed = check_tables(
        settings.agents_table, settings.keys_table, settings.sessions_table, settings.turns_table
    )
    return needed, check_tables(
        settings.handoffs_table, settings.webhooks_table, settings.outbox_table
    )


READINESS = ReadinessCache(list_checks)
