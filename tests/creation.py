"""The creation of an agent, step by step without Airflow."""

from __future__ import annotations

from typing import Any

from include import records
from include.errors import NotReadyError
from include.models import Agent
from include.steps import run_step
from include.waits import is_settled
from oratio.operators.creator import GenerateCodeOperator
from oratio.operators.knowledge import EnsureKnowledgeBaseOperator, IngestDocumentsOperator
from oratio.operators.records import ActivateOperator
from oratio.operators.runtime import DeployRuntimeOperator, VerifyAgentOperator
from tests.fakes import Caller, reload

OPERATORS = {
    "ensure_knowledge_base": EnsureKnowledgeBaseOperator,
    "ingest_documents": IngestDocumentsOperator,
    "generate_code": GenerateCodeOperator,
    "deploy_runtime": DeployRuntimeOperator,
    "verify_agent": VerifyAgentOperator,
    "activate": ActivateOperator,
}


def run(agent: Agent, name: str, attempt: int = 1) -> None:
    """One step as its operator runs it, with the trigger's waiting in between."""
    work = OPERATORS[name](task_id=name).work
    while True:
        try:
            run_step(agent.ref, name, attempt, work)
            return
        except NotReadyError as pending:
            while not is_settled(pending.probe, pending.ids):
                pass


def create(caller: Caller, *files: tuple[str, bytes], **changes: Any) -> Agent:
    """Submit and run every step; returns the agent as recorded."""
    answer = caller.submit(*files, **changes)
    assert answer.status_code == 201, answer.json
    agent = records.get_agent(caller.user_id, answer.json["agentId"])
    for name in OPERATORS:
        run(agent, name)
    return reload(agent)
