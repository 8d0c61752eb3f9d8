"""A tenant who updates an agent over the intake, and the steps of the run, without Airflow."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from include import records
from include.aws import client
from include.errors import NotReadyError
from include.knowledge.ingestion import DataSource, list_jobs
from include.models import Agent, AgentVersion
from include.runtime import endpoints
from include.steps import run_step
from include.waits import is_settled
from oratio.operators.creator import GenerateCodeOperator
from oratio.operators.knowledge import IngestDocumentsOperator
from oratio.operators.versions import (
    DeployVersionOperator,
    PromoteVersionOperator,
    RecordVersionOperator,
    VerifyVersionOperator,
)
from tests.fakes import Caller, knowledge_base_of, reload
from tests.tenant import call

UPDATE = {
    "ingest_documents": IngestDocumentsOperator,
    "generate_code": GenerateCodeOperator,
    "deploy_version": DeployVersionOperator,
    "verify_version": VerifyVersionOperator,
    "promote_version": PromoteVersionOperator,
    "record_version": RecordVersionOperator,
}
HOURS = ("hours.md", b"# Hours\n\nThe shop opens at nine and closes at six.")
RETURNS = ("returns.md", b"# Returns\n\nBicycles may be returned within 30 days of delivery.")
NEW_SOP = "Answer in one short sentence, always. Never promise a discount."


def show(caller: Caller, agent: Agent) -> Any:
    return caller.get(f"/api/agents/{agent.agent_id}").json


def patch(caller: Caller, agent: Agent, **fields: Any) -> Any:
    answer = call(caller, "PATCH", agent, json=fields)
    assert answer.status_code == 200, answer.json
    return answer.json


def put(caller: Caller, agent: Agent, path: str, content: bytes) -> None:
    answer = call(caller, "PUT", agent, f"/documents/{path}", data=content)
    assert answer.status_code in {200, 201}, answer.json


def begin(caller: Caller, agent: Agent, verb: str = "update", **more: Any) -> Agent:
    answer = call(caller, "POST", agent, f":{verb}", **more)
    assert answer.status_code == 202, answer.json
    return reload(agent)


def run(agent: Agent, name: str, operators: dict[str, Any] = UPDATE) -> None:
    """One step as its operator runs it, with the trigger's waiting in between."""
    work = operators[name](task_id=name).work
    while True:
        try:
            return run_step(reload(agent).ref, name, 1, work)
        except NotReadyError as pending:
            while not is_settled(pending.probe, pending.ids):
                pass


def update(caller: Caller, agent: Agent) -> Agent:
    begin(caller, agent)
    for name in UPDATE:
        run(agent, name)
    return reload(agent)


def rewind(agent: Agent, seconds: int = 3600) -> None:
    """Let the agent's last change be long ago, unless it is no longer open."""
    if reload(agent).dispatch:
        at = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
        records.update_agent(reload(agent).ref, run_requested_at=at)


def live_version(agent: Agent, name: str = "production") -> str:
    return endpoints.get_endpoint(agent.agentcore_agent_id, name)["liveVersion"]


def made_versions(agent: Agent) -> list[str]:
    answer = client("bedrock-agentcore-control").list_agent_runtime_versions(
        agentRuntimeId=agent.agentcore_agent_id
    )
    return [version["agentRuntimeVersion"] for version in answer["agentRuntimes"]]


def jobs_of(agent: Agent) -> list[Any]:
    return list_jobs(DataSource.of(knowledge_base_of(agent)))


def read_manifest(version: AgentVersion) -> Any:
    bucket, _, key = version.manifest_s3_path.removeprefix("s3://").partition("/")
    return json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def read_config(agent: Agent) -> Any:
    key = f"{agent.user_id}/{agent.agent_id}/agent.json"
    body = client("s3").get_object(Bucket="oratio-generated-code", Key=key)["Body"]
    return json.loads(body.read())
