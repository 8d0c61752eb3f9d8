"""Delete an agent at any moment of its life: nothing is left, and it is never active again."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.system.conftest import wait_until

pytestmark = pytest.mark.system

BASE, JOB = "bedrock-agent::knowledge_base", "bedrock-agent::ingestion_job"
RUNTIME, ENDPOINT = "bedrock-agentcore::runtime", "bedrock-agentcore::endpoint"
DOCUMENT = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}
BUCKETS = ("oratio-knowledge-bases", "oratio-generated-code")
LIMIT_SECONDS = 120
HELD_SECONDS = 10  # its creation, and then its deletion, take so long


def list_traces(stack: Any, agent_id: str) -> list[str]:
    """Whatever any service holds of an agent, records included."""
    control = stack.aws("bedrock-agentcore-control").get_paginator("list_agent_runtimes")
    bedrock = stack.aws("bedrock-agent").get_paginator("list_knowledge_bases")
    names = [r["agentRuntimeName"] for p in control.paginate() for r in p["agentRuntimes"]]
    names += [b["name"] for p in bedrock.paginate() for b in p["knowledgeBaseSummaries"]]
    names += list_indexes(stack) + list_keys(stack) + list_records(stack)
    return [name for name in names if agent_id.replace("-", "") in name.replace("-", "")]


def list_indexes(stack: Any) -> list[str]:
    """Names of vector indexes."""
    vectors = stack.aws("s3vectors")
    if not vectors.list_vector_buckets()["vectorBuckets"]:
        return []
    answer = vectors.list_indexes(vectorBucketName="oratio-vectors")
    return [index["indexName"] for index in answer["indexes"]]


def list_keys(stack: Any) -> list[str]:
    """Keys of all versions, delete markers and unfinished uploads."""
    s3, keys = stack.aws("s3"), []
    for bucket in BUCKETS:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            keys += [o["Key"] for o in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        keys += [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
    return keys


def list_records(stack: Any) -> list[str]:
    """Ids in the tables of agents and knowledge bases."""
    dynamodb, ids = stack.aws("dynamodb"), []
    for table in ("oratio-agents", "oratio-knowledgebases"):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            ids += [item["agentId"]["S"] for item in page["Items"]]
    return ids


def step_of(agent: dict[str, Any], name: str) -> str | None:
    """The status of one step, if it has begun."""
    status: str | None = agent["steps"].get(name, {}).get("status")
    return status


def delete_and_watch(stack: Any, tenant: Any, agent_id: str) -> None:
    """DELETE, then wait until nothing is left; a tenant sees no agent all the while."""
    started = time.monotonic()
    assert tenant.http.delete(f"/api/agents/{agent_id}").status_code == 202

    def is_gone() -> bool:
        assert tenant.http.get(f"/api/agents/{agent_id}").status_code == 404
        return not list_traces(stack, agent_id)

    wait_until(is_gone, "nothing of the agent to be left", LIMIT_SECONDS)
    print(f" [gone after {time.monotonic() - started:.1f} s] ", end="")


HOLDS = [
    (BASE, "ensure_knowledge_base"),
    (JOB, "ingest_documents"),
    (RUNTIME, "deploy_runtime"),
    (ENDPOINT, "deploy_runtime"),
]


@pytest.mark.parametrize(("model", "step"), HOLDS)
def test_deleted_while_aws_is_making_a_part(stack: Any, model: str, step: str) -> None:
    stack.set_delay(model, HELD_SECONDS)
    tenant = stack.tenant("deleter")
    agent_id = tenant.create(DOCUMENT)["agentId"]
    wait_until(lambda: step_of(tenant.get(agent_id), step) == "waiting", f"{step} to wait")
    try:
        delete_and_watch(stack, tenant, agent_id)
    finally:
        stack.set_delay(model, 0)


UPDATE_HOLDS = [
    (JOB, "ingest_documents"),
    (RUNTIME, "deploy_version"),
    (ENDPOINT, "promote_version"),
]


@pytest.mark.parametrize(("model", "step"), UPDATE_HOLDS)
def test_deleted_while_an_update_runs(stack: Any, model: str, step: str) -> None:
    tenant = stack.tenant("deleter")
    agent_id = tenant.create(DOCUMENT)["agentId"]
    tenant.wait_for(agent_id, "active")
    path = f"/api/agents/{agent_id}"
    assert tenant.http.patch(path, json={"sop": "Answer politely."}).is_success
    assert tenant.http.put(f"{path}/documents/new.md", content=b"We are closed.").is_success
    stack.set_delay(model, HELD_SECONDS)
    try:
        assert tenant.http.post(f"{path}:update").status_code == 202
        wait_until(lambda: step_of(tenant.get(agent_id), step) == "waiting", f"{step} to wait")
        delete_and_watch(stack, tenant, agent_id)
    finally:
        stack.set_delay(model, 0)


@pytest.mark.parametrize("step", ["generate_code", "verify_agent", "activate"])
def test_deleted_in_the_middle_of_a_step(stack: Any, step: str) -> None:
    tenant = stack.tenant("deleter")
    agent_id = tenant.create(DOCUMENT)["agentId"]
    wait_until(lambda: step_of(tenant.get(agent_id), step), f"{step} to begin")
    delete_and_watch(stack, tenant, agent_id)


def test_deleted_at_once(stack: Any) -> None:
    tenant = stack.tenant("deleter")
    delete_and_watch(stack, tenant, tenant.create(DOCUMENT)["agentId"])


@pytest.mark.parametrize("status", ["active", "failed"])
def test_deleted_afterwards(stack: Any, status: str) -> None:
    tenant = stack.tenant("deleter")
    document = DOCUMENT if status == "active" else {"broken.pdf": b"%PDF-1.7 cut"}
    agent_id = tenant.create(document)["agentId"]
    tenant.wait_for(agent_id, status)
    delete_and_watch(stack, tenant, agent_id)


def test_deleted_while_its_pipeline_is_paused(stack: Any) -> None:
    tenant = stack.tenant("deleter")
    with stack.airflow() as airflow:
        pause(airflow, True)
        try:
            agent_id = tenant.create(DOCUMENT)["agentId"]
            assert tenant.get(agent_id)["status"] == "creating"
            delete_and_watch(stack, tenant, agent_id)
        finally:
            pause(airflow, False)


def pause(airflow: Any, is_paused: bool) -> None:
    """Pause or resume create_agent."""
    airflow.patch("/api/v2/dags/create_agent", json={"is_paused": is_paused}).raise_for_status()


def test_a_run_marked_failed_shows_on_its_agent(stack: Any) -> None:
    stack.set_delay(BASE, 3600)
    tenant = stack.tenant("stopped")
    agent_id = tenant.create(DOCUMENT)["agentId"]
    step = "ensure_knowledge_base"
    wait_until(lambda: step_of(tenant.get(agent_id), step) == "waiting", f"{step} to wait")
    with stack.airflow() as airflow:
        path = f"/api/v2/dags/create_agent/dagRuns/agent-{agent_id}-g1"
        airflow.patch(path, json={"state": "failed"}).raise_for_status()
    failed = tenant.wait_for(agent_id, "failed")
    stack.set_delay(BASE, 0)
    assert (failed["failure"]["code"], failed["failedStep"]) == ("run_stopped", step)


def test_an_agent_whose_runtime_was_deleted_is_failed_and_healed(stack: Any) -> None:
    tenant = stack.tenant("drifter")
    agent = tenant.wait_for(tenant.create(DOCUMENT)["agentId"], "active")
    delete_runtime(stack, agent["agentId"])
    run = stack.run("airflow", "dags trigger audit_agents")
    assert run.returncode == 0, run.stderr
    failed = tenant.wait_for(agent["agentId"], "failed")
    assert failed["failure"]["code"] == "drift_detected"
    assert tenant.http.post(f"/api/agents/{agent['agentId']}:retry").status_code == 202
    tenant.wait_for(agent["agentId"], "active")
    assert "nine" in tenant.ask(agent["agentId"], "When does the shop open?")["answer"]


def delete_runtime(stack: Any, agent_id: str) -> None:
    """What somebody might do in the console."""
    control = stack.aws("bedrock-agentcore-control")
    pages = control.get_paginator("list_agent_runtimes").paginate()
    runtime_id = next(
        r["agentRuntimeId"]
        for page in pages
        for r in page["agentRuntimes"]
        if agent_id.replace("-", "") in r["agentRuntimeName"]
    )
    control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="production")
    control.delete_agent_runtime(agentRuntimeId=runtime_id)
