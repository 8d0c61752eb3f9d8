"""
# Reconcile agents

**Purpose.** Makes true what a single request or run could not: an agent accepted while Airflow was
down gets its run, an agent that was changed gets its update, and documents of a submission that
crashed or was never completed are deleted.

**Inputs.** None; runs every minute.

**Result.** No agent stays `dispatch=pending` longer than a minute while Airflow is up, none stays
changed and not updated much longer than `UPDATE_QUIET_SECONDS` after its last change, and nothing
stays below `.staging/` in the documents bucket longer than `STAGING_HOURS`.

**Idempotency.** Safe to run at any time: a run that exists already is recognized by its id.

**On failure.** Nothing is lost; the next run tries again.

**Runbook.** An agent that stays pending names its cause in this task's log (`dispatch stays
pending`): usually a paused or broken `create_agent` DAG, or the intake's account. To look now and
not within the minute:

    airflow dags trigger reconcile_agents
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from oratio.operators.reconcile import (
    DispatchPendingOperator,
    StartUpdatesOperator,
    SweepStagingOperator,
)

with DAG(
    dag_id="reconcile_agents",
    doc_md=__doc__,
    schedule=timedelta(minutes=1),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "oratio", "execution_timeout": timedelta(minutes=5)},
    dagrun_timeout=timedelta(minutes=10),
    tags=["agents"],
) as dag:
    DispatchPendingOperator(task_id="dispatch_pending")
    StartUpdatesOperator(task_id="start_updates")
    SweepStagingOperator(task_id="sweep_staging")
