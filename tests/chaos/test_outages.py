"""Airflow's API server is down in mid-run, for longer and longer."""

from __future__ import annotations

import time
from typing import Any

import pytest

from local.health import check_airflow
from local.supervisor import connect
from tests.chaos.crowd import Crowd
from tests.chaos.figures import add_row
from tests.system.conftest import wait_until

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(3600)]

API_SERVER = "airflow-api-server"
AGENTS = 5
COLUMNS = (
    "| API server down for | agents in mid-run | submitted meanwhile | active | "
    "runs succeeded | duplicates | seconds from its return to the last active |"
)


@pytest.mark.parametrize("seconds", [20, 75, 300])
def test_runs_outlast_an_api_server(stack: Any, steering: Any, seconds: int) -> None:
    steering.put({"kind": "slow", "service": "bedrock*", "operation": "Create*", "seconds": 3})
    crowd = Crowd.submit(stack, AGENTS)
    assert not crowd.wait_until(lambda agent: agent["steps"], seconds=120)
    connect(stack.settings).stopProcess(API_SERVER)
    stopped_at = time.monotonic()
    late = Crowd.submit(stack, 2)
    steering.clear()
    time.sleep(max(0.0, seconds - (time.monotonic() - stopped_at)))
    connect(stack.settings).startProcess(API_SERVER)
    wait_until(lambda: not check_airflow(stack.settings), "Airflow to be healthy")
    returned_at = time.monotonic()
    agents = [*crowd.wait_until_final(seconds=900), *late.wait_until_final(seconds=900)]
    took = time.monotonic() - returned_at
    active = sum(agent["status"] == "active" for agent in agents)
    duplicates = {**crowd.find_duplicates(), **late.find_duplicates()}
    succeeded = count_succeeded_runs(stack, agents)
    add_row(
        "Outages", COLUMNS, f"{seconds} s", AGENTS, 2, active, succeeded, len(duplicates),
        f"{took:.0f}",
    )  # fmt: skip
    assert (active, succeeded) == (len(agents), len(agents)), agents
    assert not duplicates


def count_succeeded_runs(stack: Any, agents: list[dict[str, Any]]) -> int:
    """How many of the agents' runs are green; the last task may still be reporting."""
    with stack.airflow() as airflow:

        def list_states() -> list[str]:
            paths = [f"/api/v2/dags/create_agent/dagRuns/agent-{a['agentId']}-g1" for a in agents]
            return [airflow.get(path).json()["state"] for path in paths]

        wait_until(lambda: not {"running", "queued"} & set(list_states()), "the runs to end")
        return list_states().count("success")
