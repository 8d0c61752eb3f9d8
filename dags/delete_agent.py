"""
# Delete an agent

**Purpose.** Removes without a trace what a deleted agent consists of: runs, runtime, knowledge
base, vector index, documents, code, sessions of customers, records.

**Inputs.** `user_id`, `agent_id`, `generation`: ids only.

**Result.** Nothing of the agent is left in any service. For its tenant it was gone since DELETE.

**Idempotency.** Safe to run again at any time: each step looks, by stored id and by name and tags,
until it finds nothing. What is gone already is as well.

**On failure.** `record_failure` writes the failed step and the reason to the agent's record, which
stays. `reconcile_agents` starts a new run after a pause that grows from a minute to an hour.

**Runbook.** Fix the cause named in this run's failed task, then clear it (downstream included), or
wait for the next run. `stop_runs` waits while a task of an earlier run is at work. By hand, with
what the agent's page shows:

    airflow dags trigger delete_agent --conf '{"user_id": "alice",
      "agent_id": "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "generation": 2}'
"""

from __future__ import annotations

from airflow.sdk import DAG, TriggerRule

from oratio.defaults import AGENT_DAG
from oratio.operators.records import RecordFailureOperator
from oratio.operators.removal import (
    DeleteCustomerDataOperator,
    DeleteDocumentsOperator,
    DeleteKnowledgeBaseOperator,
    DeleteRecordsOperator,
    DeleteRuntimeOperator,
    StopRunsOperator,
)

with DAG(dag_id="delete_agent", doc_md=__doc__, schedule=None, **AGENT_DAG) as dag:
    stop_runs = StopRunsOperator(task_id="stop_runs")
    delete_runtime = DeleteRuntimeOperator(task_id="delete_runtime")
    delete_knowledge_base = DeleteKnowledgeBaseOperator(task_id="delete_knowledge_base")
    delete_documents = DeleteDocumentsOperator(task_id="delete_documents")
    delete_customer_data = DeleteCustomerDataOperator(task_id="delete_customer_data")
    delete_records = DeleteRecordsOperator(task_id="delete_records")
    record_failure = RecordFailureOperator(
        task_id="record_failure", trigger_rule=TriggerRule.ONE_FAILED
    )

    stop_runs >> delete_runtime >> delete_knowledge_base >> delete_documents
    delete_documents >> delete_customer_data >> delete_records
    [*dag.tasks[:-1]] >> record_failure
