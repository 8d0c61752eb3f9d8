"""
# Update an agent

**Purpose.** Brings a serving agent up to what its tenant has stored since: a new SOP or
configuration becomes a new version of its code beside the one that serves, and changed documents
are indexed again.

**Inputs.** `user_id`, `agent_id`, `generation`: ids only. All text stays in DynamoDB and S3.

**Result.** The endpoint `production` serves the new version, once it has answered a question from
the agent's documents; the record lists it, and its manifest says what it was made of. Bedrock reads
only documents that are new or changed, and forgets those that were removed. Code that serves
already is not deployed again. New code of an agent with `requireApproval` waits at `approve_code`.

**Idempotency.** Safe to run again at any time, with the same conf or by clearing any task: each
step finds what it made before. A run whose generation is outdated stops without writing.

**On failure.** The version before goes on serving: `record_failure` leaves `production` with it and
writes `updateFailure` to the record; the status stays as it was. Documents that were indexed by
then stay so. Nothing is tried again until the tenant changes something or asks for it.

**Runbook.** Fix the cause named in the agent's `updateFailure`, then clear the failed task
(downstream included), or let the tenant ask again: `POST /api/agents/{id}:update`. An update that
must not stay: `POST /api/agents/{id}:rollback`. To run one by hand:

    airflow dags trigger update_agent --conf '{"user_id": "alice",
      "agent_id": "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "generation": 2}'
"""

from __future__ import annotations

from airflow.sdk import DAG, TriggerRule

from oratio.defaults import AGENT_DAG, GENERATION_TIMEOUT, INGESTION_POOL, NEARLY_DONE
from oratio.operators.approval import ApproveCodeOperator
from oratio.operators.creator import GenerateCodeOperator
from oratio.operators.knowledge import IngestDocumentsOperator
from oratio.operators.records import RecordFailureOperator
from oratio.operators.versions import (
    DeployVersionOperator,
    PromoteVersionOperator,
    RecordVersionOperator,
    VerifyVersionOperator,
)

with DAG(dag_id="update_agent", doc_md=__doc__, schedule=None, **AGENT_DAG) as dag:
    ingest_documents = IngestDocumentsOperator(task_id="ingest_documents", pool=INGESTION_POOL)
    generate_code = GenerateCodeOperator(
        task_id="generate_code", execution_timeout=GENERATION_TIMEOUT
    )
    approve_code = ApproveCodeOperator(task_id="approve_code", priority_weight=NEARLY_DONE)
    deploy_version = DeployVersionOperator(
        task_id="deploy_version",
        trigger_rule=TriggerRule.NONE_FAILED,  # an approval that is not required is skipped
        priority_weight=NEARLY_DONE,
    )
    verify_version = VerifyVersionOperator(task_id="verify_version", priority_weight=NEARLY_DONE)
    promote_version = PromoteVersionOperator(task_id="promote_version", priority_weight=NEARLY_DONE)
    record_version = RecordVersionOperator(task_id="record_version", priority_weight=NEARLY_DONE)
    record_failure = RecordFailureOperator(
        task_id="record_failure",
        trigger_rule=TriggerRule.ONE_FAILED,
        priority_weight=NEARLY_DONE,
    )

    generate_code >> approve_code
    [ingest_documents, generate_code, approve_code] >> deploy_version >> verify_version
    verify_version >> promote_version >> record_version
    [*dag.tasks[:-1]] >> record_failure
