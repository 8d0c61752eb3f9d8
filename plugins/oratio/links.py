"""Buttons on a task's page: to the agent's page, the knowledge base, the runtime.

Registered by the plugin, so that the API server builds them from a run's id when somebody looks;
links of the operators themselves would be written to XCom by every task.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.configuration import conf
from airflow.sdk.types import TaskInstanceKey

from oratio.operators.approval import ApproveCodeOperator
from oratio.operators.knowledge import EnsureKnowledgeBaseOperator, IngestDocumentsOperator
from oratio.operators.records import RecordFailureOperator
from oratio.operators.runtime import DeployRuntimeOperator, VerifyAgentOperator
from oratio.operators.step import StepOperator

VIEW_PREFIX = "/oratio"


def build_view_url(path: str) -> str:
    """The address of one of our pages (oratio/views.py)."""
    return f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{VIEW_PREFIX}{path}"


class RunLink(BaseOperatorLink):
    """Leads to what a run is about; our page looks the ids up and sends the reader on."""

    target: ClassVar[str]

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that redirects there."""
        dag_id, run_id = quote(ti_key.dag_id, safe=""), quote(ti_key.run_id, safe="")
        return build_view_url(f"/runs/{dag_id}/{run_id}/{self.target}")


class AgentLink(RunLink):
    """To the agent's page."""

    name = "Agent"
    target = "agent"
    operators: ClassVar = [
        *StepOperator.__subclasses__(),
        ApproveCodeOperator,
        RecordFailureOperator,
    ]


class KnowledgeBaseLink(RunLink):
    """To the knowledge base in the AWS console."""

    name = "Knowledge base in AWS"
    target = "knowledge-base"
    operators: ClassVar = [EnsureKnowledgeBaseOperator, IngestDocumentsOperator]


class RuntimeLink(RunLink):
    """To the runtime in the AWS console."""

    name = "Runtime in AWS"
    target = "runtime"
    operators: ClassVar = [DeployRuntimeOperator, VerifyAgentOperator]
