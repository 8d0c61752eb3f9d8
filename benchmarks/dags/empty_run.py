"""An empty run of the shape of `create_agent`: what the engine itself costs.

The same tasks, edges and trigger rules; as there, nothing waits for an approval, and the watcher
has no failure to record: both are skipped without being started.
"""

from __future__ import annotations

from airflow.sdk import DAG, BaseOperator, Param, TriggerRule
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import DownstreamTasksSkipped


class EmptyStepOperator(BaseOperator):
    """A task that is started like any other, and does nothing."""

    def execute(self, context: Context) -> None:
        """Do nothing."""


class EmptyGenerateCodeOperator(EmptyStepOperator):
    """Nothing but to skip the approval."""

    def execute(self, context: Context) -> None:
        """Skip `approve_code`."""
        raise DownstreamTasksSkipped(tasks=["approve_code"])


with DAG(
    dag_id="empty_run",
    schedule=None,
    params={"number": Param(0, type="integer")},
    max_active_runs=200,
    max_active_tasks=64,
) as dag:
    ensure_knowledge_base = EmptyStepOperator(task_id="ensure_knowledge_base")
    ingest_documents = EmptyStepOperator(task_id="ingest_documents")
    generate_code = EmptyGenerateCodeOperator(task_id="generate_code")
    wait_for_code = EmptyStepOperator(task_id="wait_for_code")
    approve_code = EmptyStepOperator(task_id="approve_code")
    deploy_runtime = EmptyStepOperator(
        task_id="deploy_runtime", trigger_rule=TriggerRule.NONE_FAILED
    )
    verify_agent = EmptyStepOperator(task_id="verify_agent")
    activate = EmptyStepOperator(task_id="activate")
    record_failure = EmptyStepOperator(
        task_id="record_failure", trigger_rule=TriggerRule.ONE_FAILED
    )
    ensure_knowledge_base >> ingest_documents
    generate_code >> [wait_for_code, approve_code]
    [ingest_documents, wait_for_code, approve_code] >> deploy_runtime >> verify_agent >> activate
    [*dag.tasks[:-1]] >> record_failure
