"""An operator approves or rejects an agent over Airflow's REST API, as its screen does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.conftest import wait_until

pytestmark = pytest.mark.system

DOCUMENT = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}
AT_ONCE = 12  # answered so quickly, some of their tries are lost
BRACES = "Answer politely. Say {{ 1+1 }} and {{ var.value.secret }} literally."


def create_held(tenant: Any) -> str:
    """An agent that waits for approval; returns its id."""
    agent_id: str = tenant.create(DOCUMENT, requireApproval="true", sop=BRACES)["agentId"]
    wait_until(lambda: is_held(tenant.get(agent_id)), "the agent to be held")
    return agent_id


def is_held(agent: dict[str, Any]) -> bool:
    """Whether it waits for a person, and everything else that can be done is done."""
    statuses = {name: step["status"] for name, step in agent["steps"].items()}
    others = {status for name, status in statuses.items() if name != "approve_code"}
    return (
        statuses.get("approve_code") == "waiting" and others == {"succeeded"} and len(statuses) > 3
    )


def task_path(agent_id: str) -> str:
    """Airflow's address of the approval."""
    run = f"/api/v2/dags/create_agent/dagRuns/agent-{agent_id}-g1"
    return f"{run}/taskInstances/approve_code"


def answer(stack: Any, agent_id: str, number: int, reason: str | None) -> None:
    """Choose the first or second option."""
    path = f"{task_path(agent_id)}/-1/hitlDetails"
    with stack.airflow() as airflow:
        options = airflow.get(path).json()["options"]
        body = {"chosen_options": [options[number]], "params_input": {"reason": reason}}
        airflow.patch(path, json=body).raise_for_status()


def test_a_held_agent_waits_without_a_worker_and_goes_on_when_approved(stack: Any) -> None:
    tenant = stack.tenant("held")
    agent_id = create_held(tenant)
    with stack.airflow() as airflow:
        task = airflow.get(task_path(agent_id)).json()
        question = airflow.get(f"{task_path(agent_id)}/-1/hitlDetails").json()
    assert task["state"] == "awaiting_input"
    assert BRACES in question["body"]
    assert agent_id in question["subject"]
    answer(stack, agent_id, 0, None)
    tenant.wait_for(agent_id, "active")
    assert "nine" in tenant.ask(agent_id, "When does the shop open?")["answer"]


def test_a_rejected_agent_fails_at_once_with_the_operator_s_reason(stack: Any) -> None:
    tenant = stack.tenant("rejected")
    agent_id = create_held(tenant)
    answer(stack, agent_id, 1, "It says too much.")
    failed = tenant.wait_for(agent_id, "failed")
    assert failed["failure"]["code"] == "approval_rejected"
    assert "It says too much." in failed["failure"]["message"]
    assert failed["failedStep"] == "approve_code"
    with stack.airflow() as airflow:
        runtime = task_path(agent_id).replace("approve_code", "deploy_runtime")
        assert airflow.get(runtime).json()["state"] == "upstream_failed"


def test_answers_given_within_the_second_of_asking_count(stack: Any) -> None:
    tenant = stack.tenant("quick")
    agent_ids = [tenant.create(DOCUMENT, requireApproval="true")["agentId"] for _ in range(AT_ONCE)]
    with stack.airflow() as airflow:
        for agent_id in agent_ids:
            path = f"{task_path(agent_id)}/-1/hitlDetails"
            wait_until(lambda path=path: airflow.get(path).is_success, "the question")
            answer(stack, agent_id, 1, "Not yet.")
    for agent_id in agent_ids:
        failed = tenant.wait_for(agent_id, "failed")
        assert "Not yet." in failed["failure"]["message"]


def test_an_agent_without_the_wish_starts_no_approval(stack: Any) -> None:
    tenant = stack.tenant("unheld")
    agent_id = tenant.create(DOCUMENT)["agentId"]
    assert "approve_code" not in tenant.wait_for(agent_id, "active")["steps"]
    with stack.airflow() as airflow:
        task = airflow.get(task_path(agent_id)).json()
    assert (task["state"], task["try_number"]) == ("skipped", 0)
