"""What an operator does and sees in Airflow."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.system.conftest import wait_until

pytestmark = pytest.mark.system

KNOWLEDGE_BASE = "bedrock-agent::knowledge_base"
DOCUMENT = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}


def list_tasks(airflow: Any, states: list[str]) -> list[dict[str, Any]]:
    """Task instances of create_agent in these states (Airflow answers with 100 at most)."""
    path = "/api/v2/dags/create_agent/dagRuns/~/taskInstances"
    answer = airflow.get(path, params={"limit": 100, "state": states})
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["task_instances"]
    return found


def test_twenty_wait_without_a_worker_slot_and_all_become_active(stack: Any) -> None:
    stack.set_delay(KNOWLEDGE_BASE, 3600)
    tenant = stack.tenant("crowd")
    with ThreadPoolExecutor(20) as executor:
        created = list(executor.map(lambda _: tenant.create(DOCUMENT), range(20)))
    runs = {f"agent-{agent['agentId']}-g1" for agent in created}

    with stack.airflow() as airflow:

        def all_wait() -> bool:
            waiting = [t for t in list_tasks(airflow, ["deferred"]) if t["dag_run_id"] in runs]
            at_work = list_tasks(airflow, ["scheduled", "queued", "running"])
            return [t["task_id"] for t in waiting] == ["ensure_knowledge_base"] * 20 and not at_work

        wait_until(all_wait, "twenty deferred tasks and not one running or queued")
    stack.set_delay(KNOWLEDGE_BASE, 0)
    for agent in created:
        tenant.wait_for(agent["agentId"], "active")


def test_triggering_again_keeps_every_resource(stack: Any) -> None:
    tenant = stack.tenant("again")
    agent = tenant.wait_for(tenant.create(DOCUMENT)["agentId"], "active")
    conf = {"user_id": "again", "agent_id": agent["agentId"], "generation": 1}
    before = count_resources(stack)
    done = stack.run(
        "airflow", f"dags trigger create_agent -r once-more --conf '{json.dumps(conf)}'"
    )
    assert done.returncode == 0, done.stderr
    with stack.airflow() as airflow:
        path = "/api/v2/dags/create_agent/dagRuns/once-more"
        wait_until(lambda: airflow.get(path).json()["state"] == "success", "the run to succeed")
    assert count_resources(stack) == before
    assert tenant.get(agent["agentId"])["status"] == "active"
    assert "nine" in tenant.ask(agent["agentId"], "When does the shop open?")["answer"]


def count_resources(stack: Any) -> tuple[int, int, int]:
    """Knowledge bases, runtimes and versions of all runtimes."""
    control = stack.aws("bedrock-agentcore-control")
    runtimes = control.list_agent_runtimes(maxResults=100)["agentRuntimes"]
    bases = stack.aws("bedrock-agent").list_knowledge_bases(maxResults=1000)
    versions = sum(int(runtime["agentRuntimeVersion"]) for runtime in runtimes)
    return len(bases["knowledgeBaseSummaries"]), len(runtimes), versions


def test_outdated_generation_stops_at_once(stack: Any) -> None:
    tenant = stack.tenant("outdated")
    agent = tenant.wait_for(tenant.create(DOCUMENT)["agentId"], "active")
    conf = {"user_id": "outdated", "agent_id": agent["agentId"], "generation": 2}
    with stack.airflow() as airflow:
        run = {"dag_run_id": "future", "logical_date": None, "conf": conf}
        airflow.post("/api/v2/dags/create_agent/dagRuns", json=run).raise_for_status()
        path = "/api/v2/dags/create_agent/dagRuns/future"
        wait_until(lambda: airflow.get(path).json()["state"] == "failed", "the run to fail")
    assert tenant.get(agent["agentId"])["status"] == "active"


def test_params_are_checked_before_a_run_exists(stack: Any) -> None:
    conf = {"user_id": "../other", "agent_id": "no uuid", "generation": 0}
    with stack.airflow() as airflow:
        run = {"dag_run_id": "invalid", "logical_date": None, "conf": conf}
        answer = airflow.post("/api/v2/dags/create_agent/dagRuns", json=run)
    assert answer.status_code == 400
    assert "user_id" in answer.text or "agent_id" in answer.text


def test_cleared_failed_task_resumes_and_succeeds(stack: Any) -> None:
    stack.set_delay(KNOWLEDGE_BASE, 3600)
    tenant = stack.tenant("cleared")
    agent_id = tenant.create(DOCUMENT)["agentId"]
    wait_until(
        lambda: (
            tenant.get(agent_id)["steps"].get("ensure_knowledge_base", {}).get("status")
            == "waiting"
        ),
        "the knowledge base to be in creation",
    )
    remove_documents(stack, f"cleared/{agent_id}/")
    stack.set_delay(KNOWLEDGE_BASE, 0)
    failed = tenant.wait_for(agent_id, "failed")
    assert failed["failure"]["code"] == "ingestion_failed"
    assert failed["failedStep"] == "ingest_documents"

    stack.aws("s3").put_object(
        Bucket="oratio-knowledge-bases",
        Key=f"cleared/{agent_id}/hours.md",
        Body=DOCUMENT["hours.md"],
    )
    clear(stack, f"agent-{agent_id}-g1", "ingest_documents")
    active = tenant.wait_for(agent_id, "active")
    assert active["failure"] is None
    assert "nine" in tenant.ask(agent_id, "When does the shop open?")["answer"]


def remove_documents(stack: Any, prefix: str) -> None:
    """Delete all objects below a prefix with all their versions."""
    s3 = stack.aws("s3")
    versions = s3.list_object_versions(Bucket="oratio-knowledge-bases", Prefix=prefix)["Versions"]
    for version in versions:
        s3.delete_object(
            Bucket="oratio-knowledge-bases", Key=version["Key"], VersionId=version["VersionId"]
        )


def clear(stack: Any, run_id: str, task_id: str) -> None:
    """What the UI's "Clear task" does, downstream included."""
    body = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": [task_id],
        "include_downstream": True,
        "only_failed": False,
    }
    with stack.airflow() as airflow:
        answer = airflow.post("/api/v2/dags/create_agent/clearTaskInstances", json=body)
    answer.raise_for_status()
