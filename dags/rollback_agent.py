"""
# Roll an agent back

**Purpose.** Lets an earlier version of an agent's code serve again, in seconds: AgentCore keeps
every version, so only the endpoint `production` moves.

**Inputs.** `user_id`, `agent_id`, `generation`: ids only. The version to return to is in the
agent's record, put there by `POST /api/agents/{id}:rollback`.

**Result.** `production` serves that version, which has answered a question from the agent's
documents, and the record says so. Documents are not rolled back; nor are the stored SOP and
configuration, from which a later update makes a new version.

**Idempotency.** Safe to run again at any time, with the same conf or by clearing any task. A run
whose generation is outdated stops without writing.

**On failure.** `record_failure` moves `production` back to the version that served before and
writes `updateFailure` to the record; the status stays as it was.

**Runbook.** Fix the cause named in the agent's `updateFailure`, or ask for another version:
`GET /api/agents/{id}/versions` lists them. To repeat the run of a generation (another version is
chosen through the API):

    airflow dags trigger rollback_agent --conf '{"user_id": "alice",
      "agent_id": "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "generation": 3}'
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, TriggerRule

from oratio.defaults import AGENT_DAG, NEARLY_DONE
from oratio.operators.records import RecordFailureOperator
from oratio.operators.runtime import VerifyAgentOperator
from oratio.operators.versions import PromoteVersionOperator, RecordVersionOperator

with DAG(dag_id="rollback_agent", doc_md=__doc__, schedule=None, **AGENT_DAG) as dag:
    promote_version = PromoteVersionOperator(task_id="promote_version")
    # Customers are asking this version already: one quick second try, then back.
    verify_version = VerifyAgentOperator(
        task_id="verify_version",
        retries=1,
        retry_delay=timedelta(seconds=2),
        priority_weight=NEARLY_DONE,
    )
    record_version = RecordVersionOperator(task_id="record_version")
    record_failure = RecordFailureOperator(
        task_id="record_failure", trigger_rule=TriggerRule.ONE_FAILED
    )

    promote_version >> verify_version >> record_version
    [*dag.tasks[:-1]] >> record_failure
