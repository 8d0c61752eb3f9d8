"""Airflow may be away, and clients may repeat themselves: every agent is made, none twice."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from local.health import CHECKS
from local.supervisor import connect
from tests.system.conftest import FIELDS, wait_until

pytestmark = pytest.mark.system

API_SERVER = "airflow-api-server"
# A few in every test run; OUTAGE_AGENTS=50 for the figure in docs/performance.md.
AGENTS = int(os.environ.get("OUTAGE_AGENTS", "10"))
REPETITIONS = 100
DOCUMENT = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}


@pytest.mark.timeout(300 + 12 * AGENTS)
def test_what_is_submitted_while_airflow_is_down_is_made_once(stack: Any) -> None:
    tenant = stack.tenant("patient")
    programs = connect(stack.settings)
    programs.stopProcess(API_SERVER)
    try:
        with ThreadPoolExecutor(8) as executor:
            created = list(executor.map(lambda _: tenant.create(DOCUMENT), range(AGENTS)))
        assert CHECKS[API_SERVER](stack.settings), "Airflow was not down"
    finally:
        programs.startProcess(API_SERVER, False)
    ids = [agent["agentId"] for agent in created]

    def all_active() -> bool:
        return all(tenant.get(agent_id)["status"] == "active" for agent_id in ids)

    wait_until(all_active, "all agents to become active", seconds=180 + 10 * AGENTS)
    for agent_id in ids:
        assert list_runs(stack, agent_id) == [f"agent-{agent_id}-g1"]
        assert count_resources(stack, agent_id) == (1, 1)


def list_runs(stack: Any, agent_id: str) -> list[str]:
    """Airflow's runs for one agent."""
    with stack.airflow() as airflow:
        pattern = {"run_id_pattern": f"agent-{agent_id}"}
        answer = airflow.get("/api/v2/dags/create_agent/dagRuns", params=pattern)
        answer.raise_for_status()
        return [run["dag_run_id"] for run in answer.json()["dag_runs"]]


def count_resources(stack: Any, agent_id: str) -> tuple[int, int]:
    """How many runtimes and knowledge bases there are of one agent."""
    pages = stack.aws("bedrock-agentcore-control").get_paginator("list_agent_runtimes").paginate()
    runtimes = [r["agentRuntimeName"] for page in pages for r in page["agentRuntimes"]]
    pages = stack.aws("bedrock-agent").get_paginator("list_knowledge_bases").paginate()
    bases = [base["name"] for page in pages for base in page["knowledgeBaseSummaries"]]
    name = agent_id.replace("-", "")
    return tuple(
        sum(name in found.replace("-", "") for found in names) for names in (runtimes, bases)
    )  # type: ignore[return-value]


def test_a_hundred_repetitions_at_once_are_one_agent(stack: Any) -> None:
    tenant = stack.tenant("insistent")
    headers = {"Idempotency-Key": str(uuid4())}
    files = [("files", (name, content)) for name, content in DOCUMENT.items()]

    def submit(_: int = 0) -> Any:
        return tenant.http.post("/api/agents", data=FIELDS, files=files, headers=headers)

    with ThreadPoolExecutor(REPETITIONS) as executor:
        answers = list(executor.map(submit, range(REPETITIONS)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    accepted = [answer for answer in [*answers, submit()] if answer.status_code == 201]
    assert len({answer.json()["agentId"] for answer in accepted}) == 1
    assert len(tenant.http.get("/api/agents").json()) == 1
