"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from flask import Blueprint

from api.openapi import describe
from api.schemas import Health, Readiness
from include.aws import client
from include.dispatch import get_airflow
from include.models import Pipeline
from include.settings import get_settings

log = logging.getLogger(__name__)
health = Blueprint("health", __name__)

Check = Callable[[], None]


@health.get("/livez")
@health.get("/health")
@describe(tag="operations", answers={200: Health}, is_public=True)
def check_health() -> dict[str, str]:
    """Answer while the process is alive."""
    return {"status": "ok"}


@health.get("/readyz")
@describe(tag="operations", answers={200: Readiness, 503: Readiness}, is_public=True)
def check_readiness() -> tuple[dict[str, Any], int]:
    """Say whether requests can be served: `ready`, `degraded` or `unready`.

    `degraded` still serves: without Airflow agents are accepted, and created once it is back.
    """
    readiness = READINESS.look()
    return readiness.model_dump(mode="json", by_alias=True), (
        503 if readiness.status == "unready" else 200
    )


class ReadinessCache:
    """The last look at what we depend on, good for some seconds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.executor = ThreadPoolExecutor(8, "readiness")
        self.forget()

    def forget(self) -> None:
        """Look anew next time."""
        self.expires_at = float("-inf")

    def look(self) -> Readiness:
        """The state now, or a few seconds ago; one caller at a time looks."""
        with self.lock:
            if time.monotonic() >= self.expires_at:
                self.readiness = self.run_checks()
                self.expires_at = time.monotonic() + get_settings().readiness_cache_seconds
            return self.readiness

    def run_checks(self) -> Readiness:
        """All checks side by side; what takes too long has failed."""
        deadline = time.monotonic() + get_settings().readiness_timeout_seconds
        needed, helpful = list_checks()
        jobs = {n: self.executor.submit(check) for n, check in (needed | helpful).items()}
        results = {name: describe_result(name, job, deadline) for name, job in jobs.items()}
        if any(results[name] != "ok" for name in needed):
            return Readiness(status="unready", checks=results)
        is_complete = all(results[name] == "ok" for name in helpful)
        return Readiness(status="ready" if is_complete else "degraded", checks=results)


READINESS = ReadinessCache()


def list_checks() -> tuple[dict[str, Check], dict[str, Check]]:
    """What serving needs, and what creating agents needs besides."""
    settings = get_settings()
    tables = [settings.agents_table, settings.knowledge_bases_table, settings.tenants_table]
    needed: dict[str, Check] = {f"table {name}": partial(require_table, name) for name in tables}
    needed[f"bucket {settings.kb_bucket}"] = partial(require_bucket, settings.kb_bucket)
    return needed, {"airflow": require_dag}


def require_table(name: str) -> None:
    """Fail unless DynamoDB serves the table."""
    status = client("dynamodb").describe_table(TableName=name)["Table"]["TableStatus"]
    if status not in ("ACTIVE", "UPDATING"):
        raise RuntimeError(f"the table is {status}")


def require_bucket(name: str) -> None:
    """Fail unless S3 lets us at the bucket."""
    client("s3").head_bucket(Bucket=name)


def require_dag() -> None:
    """Fail unless Airflow would run the creation: DAG parsed without error and not paused."""
    answer = get_airflow().call("GET", f"/api/v2/dags/{Pipeline.CREATE}")
    if not answer.is_success:
        raise RuntimeError(f"HTTP {answer.status_code}")
    dag = answer.json()
    if dag.get("is_paused") or dag.get("has_import_errors"):
        raise RuntimeError("the DAG is paused or broken")


def describe_result(name: str, job: Any, deadline: float) -> str:
    """`ok` or `failed`; why is in the log, for anybody may read the answer."""
    try:
        job.result(max(0.0, deadline - time.monotonic()))
    except Exception as error:  # whatever keeps it from working
        log.warning("readiness: %s: %r", name, error)
        return "failed"
    return "ok"
