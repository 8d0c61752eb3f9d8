"""
# Audit agents

**Purpose.** Compares the records with what there is in AWS: resources of agents that have no record
(orphans), and agents whose parts somebody else deleted (drift).

**Inputs.** None; runs every `AUDIT_MINUTES`, not every minute: it lists all knowledge bases,
runtimes and vector indexes of the account.

**Result.** Each orphan is reported in the log and counted in the task's return value; one older
than `ORPHAN_GRACE_HOURS` is removed. An agent without its runtime, endpoint or knowledge base is
`failed` with the code `drift_detected`; `:retry` makes what is missing again.

**Idempotency.** Safe to run at any time. Only what carries our tags, with this `ENVIRONMENT`, is
touched; of vector indexes, only those in `VECTOR_BUCKET` that no knowledge base has.

**On failure.** Nothing is lost; the next run tries again.

**Runbook.** `orphan not removed` names the cause. To keep an orphan, change its tag `environment`.
To look at once:

    airflow dags trigger audit_agents
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from include.settings import get_settings
from oratio.operators.reconcile import FailDriftedOperator, RemoveOrphansOperator

with DAG(
    dag_id="audit_agents",
    doc_md=__doc__,
    schedule=timedelta(minutes=get_settings().audit_minutes),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "oratio", "execution_timeout": timedelta(minutes=10)},
    dagrun_timeout=timedelta(minutes=20),
    tags=["agents"],
) as dag:
    RemoveOrphansOperator(task_id="remove_orphans")
    FailDriftedOperator(task_id="fail_drifted")
