"""An empty run of the shape of `create_agent`: what the engine itself costs."""

from __future__ import annotations

from airflow.sdk import DAG, BaseOperator, Param
from airflow.sdk.definitions.context import Context


class EmptyStepOperator(BaseOperator):
    """A task that is started like any other, and does nothing."""

    def execute(self, context: Context) -> None:
        """Do nothing."""


with DAG(
    dag_id="empty_run",
    schedule=None,
    params={"number": Param(0, type="integer")},
    max_active_runs=200,
    max_active_tasks=64,
) as dag:
    ensure_knowledge_base = EmptyStepOperator(task_id="ensure_knowledge_base")
    ingest_documents = EmptyStepOperator(task_id="ingest_documents")
    generate_code = EmptyStepOperator(task_id="generate_code")
    wait_for_code = EmptyStepOperator(task_id="wait_for_code")
    deploy_runtime = EmptyStepOperator(task_id="deploy_runtime")
    verify_agent = EmptyStepOperator(task_id="verify_agent")
    activate = EmptyStepOperator(task_id="activate")
    ensure_knowledge_base >> ingest_documents
    generate_code >> wait_for_code
    [ingest_documents, wait_for_code] >> deploy_runtime >> verify_agent >> activate
