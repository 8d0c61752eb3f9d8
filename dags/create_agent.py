"""
# Create an agent

**Purpose.** Turns a recorded submission (SOP and documents in S3) into a running agent on Amazon
Bedrock AgentCore that answers from the tenant's own documents.

**Inputs.** `user_id`, `agent_id`, `generation`: ids only; all text stays in DynamoDB and S3. `turn`
is the run's place among waiting ones (0: first). An agent with `requireApproval` waits at
`approve_code` for an operator who reads the code (tab Required Actions), 72 hours at most.

**Result.** The agent's record is `active` with its addresses, its knowledge base `ready`.

**Idempotency.** Safe to run again at any time, with the same conf or by clearing any task: each
step finds what it made before. A run whose generation is outdated stops without writing.

**On failure.** `record_failure` writes the failed step, a code and a sentence the tenant can act
on; agent `failed`, knowledge base `error`. Errors that cannot pass are not retried.

**Runbook.** docs/runbook.md has an entry for each failure code; the agent's page (menu Agents)
leads to it. Fix the cause, then clear the failed task (downstream included), or trigger a new run
with the agent's ids, as its page shows them:

    airflow dags trigger create_agent --conf '{"user_id": "alice",
      "agent_id": "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "generation": 1}'
"""

from __future__ import annotations

from airflow.sdk import DAG, TriggerRule

from include.settings import get_settings
from oratio.defaults import AGENT_DAG, GENERATION_TIMEOUT, INGESTION_POOL, NEARLY_DONE
from oratio.operators.approval import ApproveCodeOperator
from oratio.operators.creator import CodeSensor, GenerateCodeOperator
from oratio.operators.knowledge import EnsureKnowledgeBaseOperator, IngestDocumentsOperator
from oratio.operators.records import ActivateOperator, RecordFailureOperator
from oratio.operators.runtime import DeployRuntimeOperator, VerifyAgentOperator

with DAG(dag_id="create_agent", doc_md=__doc__, schedule=None, **AGENT_DAG) as dag:
    ensure_knowledge_base = EnsureKnowledgeBaseOperator(task_id="ensure_knowledge_base")
    ingest_documents = IngestDocumentsOperator(task_id="ingest_documents", pool=INGESTION_POOL)
    generate_code = GenerateCodeOperator(
        task_id="generate_code", execution_timeout=GENERATION_TIMEOUT
    )
    wait_for_code = CodeSensor(
        task_id="wait_for_code",
        bucket_name=get_settings().code_bucket,
        bucket_key="{{ params.user_id }}/{{ params.agent_id }}/g{{ params.generation }}/bundle.zip",
        aws_conn_id=None,
        deferrable=True,
        poke_interval=5,
        timeout=10 * 60,
    )
    approve_code = ApproveCodeOperator(task_id="approve_code", priority_weight=NEARLY_DONE)
    deploy_runtime = DeployRuntimeOperator(
        task_id="deploy_runtime",
        trigger_rule=TriggerRule.NONE_FAILED,  # an approval that is not required is skipped
        priority_weight=NEARLY_DONE,
    )
    verify_agent = VerifyAgentOperator(task_id="verify_agent", priority_weight=NEARLY_DONE)
    activate = ActivateOperator(task_id="activate", priority_weight=NEARLY_DONE)
    record_failure = RecordFailureOperator(
        task_id="record_failure",
        trigger_rule=TriggerRule.ONE_FAILED,
        priority_weight=NEARLY_DONE,
    )

    ensure_knowledge_base >> ingest_documents
    generate_code >> [wait_for_code, approve_code]
    [ingest_documents, wait_for_code, approve_code] >> deploy_runtime >> verify_agent >> activate
    [*dag.tasks[:-1]] >> record_failure
