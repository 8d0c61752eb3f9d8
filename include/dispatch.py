"""Handing an agent's run to Airflow over its REST API."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from itertools import islice

import httpx

from include import records
from include.errors import AirflowUnavailableError, NameTakenError
from include.models import Agent, AgentRef, DispatchStatus, Pipeline
from include.naming import run_id
from include.settings import get_settings
from include.turns import take_turn

log = logging.getLogger(__name__)


class AirflowClient:
    """Airflow's REST API with a token that is renewed when Airflow no longer takes it."""

    def __init__(self) -> None:
        settings = get_settings()
        self.account = {
            "username": settings.airflow_username,
            "password": settings.airflow_password.get_secret_value(),
        }
        self.http = httpx.Client(
            base_url=settings.airflow_url, timeout=settings.airflow_timeout_seconds
        )
        self.lock = threading.Lock()
        self.token = ""

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """One request, logging in first if needed, and again after a 401.

        :raises AirflowUnavailableError: when Airflow cannot be reached or refuses our account.
        """
        try:
            if not self.token:
                self.log_in()
            answer = self.send(method, path, body)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self.log_in()
                answer = self.send(method, path, body)
        except httpx.HTTPError as error:
            raise AirflowUnavailableError(f"Airflow cannot be reached: {error}") from error
        return answer

    def send(self, method: str, path: str, body: object) -> httpx.Response:
        """One request with the current token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, path, json=body, headers=headers)

    def log_in(self) -> None:
        """Fetch a new token (Airflow's live 24 hours)."""
        with self.lock:
            answer = self.http.post("/auth/token", json=self.account)
            if answer.status_code != httpx.codes.CREATED:
                raise AirflowUnavailableError(f"Airflow's login: HTTP {answer.status_code}.")
            self.token = answer.json()["access_token"]


@lru_cache(maxsize=1)
def get_airflow() -> AirflowClient:
    """The process's client."""
    return AirflowClient()


def dispatch_agent(agent: Agent) -> None:
    """Start the run of the agent's current generation, once, and record that it was sent.

    :raises AirflowUnavailableError: when Airflow did not take it; call again later.
    """
    start_run(agent)
    records.record_dispatch(agent.ref)


def dispatch_pending_agents() -> int:
    """Start the runs Airflow has not accepted yet, a batch of them; returns how many were started.

    One agent's failure does not keep the others waiting; it stays pending for the next call.
    """
    started = 0
    batch = get_settings().reconcile_batch
    for agent in islice(records.list_open_agents(DispatchStatus.PENDING), batch):
        try:
            dispatch_agent(agent)
            started += 1
        except Exception as error:  # whatever it is, the next agent may fare better
            log.warning("agent_id=%s dispatch stays pending: %r", agent.agent_id, error)
    return started


def start_run(agent: Agent) -> None:
    """POST the run; one that exists already is success if it is this agent's."""
    ref, pipeline = agent.ref, agent.pipeline
    # Without logical_date a 409 can only mean "this run id exists".
    run = {"dag_run_id": run_id(ref), "logical_date": None, "conf": build_conf(agent)}
    answer = get_airflow().call("POST", f"/api/v2/dags/{pipeline}/dagRuns", run)
    if answer.status_code == httpx.codes.CONFLICT:
        require_own_run(ref, pipeline)
    elif not answer.is_success:
        # An unparsed, stale or broken DAG answers 400 or 404: it passes once the DAG is mended.
        raise AirflowUnavailableError(f"Airflow did not take the run: HTTP {answer.status_code}.")


def require_own_run(ref: AgentRef, pipeline: Pipeline) -> None:
    """Check that the existing run of our id is about this very generation."""
    answer = get_airflow().call("GET", f"/api/v2/dags/{pipeline}/dagRuns/{run_id(ref)}")
    if not answer.is_success:
        raise AirflowUnavailableError(f"Airflow hides run {run_id(ref)}: {answer.status_code}.")
    if {**answer.json()["conf"], "turn": None} != {**build_ids(ref), "turn": None}:
        raise NameTakenError(f"Airflow's run {run_id(ref)} exists with another conf.")


def build_conf(agent: Agent) -> dict[str, str | int]:
    """The run's conf: no text of the tenant's. Only creations wait for their turn."""
    turn = take_turn(agent) if agent.pipeline == Pipeline.CREATE else 0
    return build_ids(agent.ref) | {"turn": turn}


def build_ids(ref: AgentRef) -> dict[str, str | int]:
    """What the run is about."""
    return {"user_id": ref.user_id, "agent_id": ref.agent_id, "generation": ref.generation}
