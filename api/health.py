"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint

from api.openapi import describe
from api.schemas import Health
from include.aws import client
from include.dispatch import get_airflow
from include.models import Pipeline
from include.readiness import Checks, Readiness, ReadinessCache, check_tables
from include.settings import get_settings

health = Blueprint("health", __name__)


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


def list_checks() -> tuple[Checks, Checks]:
    """What serving needs, and what creating agents needs besides."""
    settings = get_settings()
    bucket = settings.kb_bucket
    tables = check_tables(
        settings.agents_table, settings.knowledge_bases_table, settings.tenants_table
    )
    return tables | {f"bucket {bucket}": partial(require_bucket, bucket)}, {"airflow": require_dag}


READINESS = ReadinessCache(list_checks)


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
