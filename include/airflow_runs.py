"""Runs as Airflow has them: listed, looked into and ended over its REST API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from include.dispatch import get_airflow
from include.errors import AirflowUnavailableError
from include.models import AgentRef, Pipeline

OPEN_STATES = ("queued", "running")
WORKING_STATES = ("running", "restarting")  # of a task: a process may be at it
PAGE_SIZE = 100  # Airflow's `maximum_page_limit`


@dataclass(frozen=True)
class Run:
    """One run of one of our DAGs; `lasted` is None until it has ended."""

    pipeline: str
    run_id: str
    state: str
    ref: AgentRef
    lasted: timedelta | None

    @property
    def is_open(self) -> bool:
        """Whether it may still do something."""
        return self.state in OPEN_STATES


def list_open_runs(agent_id: str | None = None) -> Iterator[Run]:
    """Runs that have not ended, of all agents or of one; a hundred a call."""
    return list_runs({"states": OPEN_STATES, "conf_contains": agent_id})


def list_agent_runs(agent_id: str) -> Iterator[Run]:
    """All runs about one agent, whoever started them."""
    return list_runs({"conf_contains": agent_id})


def list_runs(wanted: dict[str, Any]) -> Iterator[Run]:
    """Runs of our pipelines; while they change, a long list may miss one of them."""
    body = {"dag_ids": list(Pipeline), "page_limit": PAGE_SIZE, "order_by": "id", **wanted}
    offset = 0
    while True:
        answer = ask("POST", "/api/v2/dags/~/dagRuns/list", {**body, "page_offset": offset})
        found = answer["dag_runs"]
        yield from filter(None, map(parse_run, found))
        offset += PAGE_SIZE
        if len(found) < PAGE_SIZE:
            return


def parse_run(run: dict[str, Any]) -> Run | None:
    """One of Airflow's runs; None when its conf names no agent."""
    conf = run.get("conf") or {}
    try:
        ref = AgentRef(conf["user_id"], conf["agent_id"], int(conf.get("generation", 1)))
    except (KeyError, TypeError, ValueError):
        return None
    return Run(run["dag_id"], run["dag_run_id"], run["state"], ref, measure(run))


def measure(run: dict[str, Any]) -> timedelta | None:
    """How long a run took."""
    if not (run.get("start_date") and run.get("end_date")):
        return None
    return datetime.fromisoformat(run["end_date"]) - datetime.fromisoformat(run["start_date"])


def has_working_tasks(runs: Iterable[Run]) -> bool:
    """Whether a process is at work for one of these runs; waiting tasks have none."""
    ids = [run.run_id for run in runs]
    if not ids:
        return False
    body = {"dag_run_ids": ids, "state": WORKING_STATES, "page_limit": 1}
    answer = ask("POST", "/api/v2/dags/~/dagRuns/~/taskInstances/list", body)
    return bool(answer["task_instances"])


def stop_run(run: Run) -> None:
    """Mark a run failed: its waits end, nothing of it starts any more. One that is gone is fine."""
    path = f"/api/v2/dags/{run.pipeline}/dagRuns/{run.run_id}"
    answer = get_airflow().call("PATCH", path, {"state": "failed"})
    if answer.status_code != httpx.codes.NOT_FOUND:
        require_success(answer)


def find_answer(pipeline: str, run_id: str, task_id: str) -> dict[str, Any] | None:
    """What a person answered to the task's question, if one was asked and answered.

    Airflow keeps one question a task, whatever becomes of its tries, until it is asked again.
    """
    path = f"/api/v2/dags/{pipeline}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
    answer = get_airflow().call("GET", path)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    require_success(answer)
    question: dict[str, Any] = answer.json()
    return question if question["response_received"] else None


def list_paused() -> set[str]:
    """The pipelines of which Airflow takes runs, but starts none."""
    paused = ask("GET", "/api/v2/dags?paused=true&limit=100")["dags"]
    return {dag["dag_id"] for dag in paused} & set(Pipeline)


def ask(method: str, path: str, body: object = None) -> dict[str, Any]:
    """One call's JSON.

    :raises AirflowUnavailableError: for any answer but success.
    """
    answer = get_airflow().call(method, path, body)
    require_success(answer)
    found: dict[str, Any] = answer.json()
    return found


def require_success(answer: httpx.Response) -> None:
    """Refuse every other answer: what it means for us passes once Airflow is well."""
    if not answer.is_success:
        raise AirflowUnavailableError(
            f"Airflow answers {answer.request.url.path} with HTTP {answer.status_code}."
        )
