"""Whether the parts of the stack are ready to be used, asked the way their users would ask."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import httpx
import psycopg2

from local.secrets import load_secrets
from local.settings import StackSettings

DAG_IDS = ("create_agent", "delete_agent", "reconcile_agents", "audit_agents")
LOGIN_SECONDS = 60.0  # the first one, on a machine that is starting everything else
AIRFLOW_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def check_postgres(stack: StackSettings) -> str | None:
    """None when a connection succeeds, else what is wrong."""
    try:
        psycopg2.connect(f"user=postgres dbname=postgres host={stack.sockets}").close()
    except psycopg2.Error as error:
        return str(error).strip()
    return None


def check_aws(stack: StackSettings) -> str | None:
    """None when the stand-in answers."""
    return check_url(f"{stack.aws_url}/moto-api/data.json")


def check_sandbox(stack: StackSettings) -> str | None:
    """None when the sandbox takes callers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(stack.sandbox_socket))
        except OSError as error:
            return f"{stack.sandbox_socket}: {error}"
    return None


def check_api(stack: StackSettings) -> str | None:
    """None when the intake API answers."""
    return check_url(f"{stack.api_url}/health")


def check_url(url: str) -> str | None:
    """None for any 2xx answer."""
    try:
        answer = httpx.get(url, timeout=5)
    except httpx.HTTPError as error:
        return f"{url}: {error}"
    return None if answer.is_success else f"{url}: HTTP {answer.status_code}"


def check_airflow(stack: StackSettings) -> str | None:
    """None when all of Airflow's parts have reported themselves healthy."""
    try:
        answer = httpx.get(f"{stack.airflow_url}/api/v2/monitor/health", timeout=5)
        states = {part: answer.json()[part]["status"] for part in AIRFLOW_PARTS}
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return f"{stack.airflow_url}: {error}"
    sick = [f"{part} is {state}" for part, state in states.items() if state != "healthy"]
    return ", ".join(sick) or None


def check_dags(stack: StackSettings) -> str | None:
    """None when every DAG of ours is parsed and not paused."""
    try:
        with open_airflow(stack) as airflow:
            problems = [check_dag(airflow, dag_id) for dag_id in DAG_IDS]
    except httpx.HTTPError as error:
        return str(error)
    return ", ".join(problem for problem in problems if problem) or None


def check_dag(airflow: httpx.Client, dag_id: str) -> str | None:
    """None when the DAG can run."""
    answer = airflow.get(f"/api/v2/dags/{dag_id}")
    if answer.status_code != 200:
        return f"DAG {dag_id}: HTTP {answer.status_code}"
    dag: dict[str, Any] = answer.json()
    if dag["has_import_errors"]:
        return f"DAG {dag_id} has import errors: see log/airflow-dag-processor.log"
    return f"DAG {dag_id} is paused" if dag["is_paused"] else None


def open_airflow(stack: StackSettings) -> httpx.Client:
    """A client of Airflow's REST API with the administrator's token."""
    password = load_secrets(stack.var).airflow_admin_password
    account = {"username": "admin", "password": password}
    answer = httpx.post(f"{stack.airflow_url}/auth/token", json=account, timeout=LOGIN_SECONDS)
    answer.raise_for_status()
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return httpx.Client(base_url=stack.airflow_url, headers=headers, timeout=10)


CHECKS: dict[str, Callable[[StackSettings], str | None]] = {
    "postgres": check_postgres,
    "aws": check_aws,
    "sandbox": check_sandbox,
    "airflow-api-server": check_airflow,
    "airflow-dag-processor": check_dags,
    "api": check_api,
}
