"""Prometheus metrics, summed over all worker processes when PROMETHEUS_MULTIPROC_DIR is set."""

from __future__ import annotations

import os

from flask import Blueprint, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from api.openapi import describe

metrics = Blueprint("metrics", __name__)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# From a read of one record to an upload of 2 GiB.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

REQUESTS = Counter(
    "oratio_http_requests", "Requests answered by the intake.", ["method", "route", "status"]
)
DURATION = Histogram(
    "oratio_http_request_duration_seconds",
    "Time until a request's answer begins.",
    ["method", "route"],
    buckets=BUCKETS,
)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Add one request; labels come from fixed sets, so callers cannot fill the memory."""
    known = method if method in METHODS else "other"
    REQUESTS.labels(known, route, str(status)).inc()
    DURATION.labels(known, route).observe(seconds)


@metrics.get("/metrics")
@describe(tag="operations", answers={200: "text/plain"}, is_public=True)
def get_metrics() -> Response:
    """Prometheus metrics of all worker processes."""
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
