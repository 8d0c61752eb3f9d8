"""
# Reconcile agents

**Purpose.** Makes true what a single request or run could not: an agent accepted while Airflow was
down gets its run, one whose run ended without a word is told so, one that stands still is failed,
one that was changed gets its update, a deletion that failed is begun again, and documents of a
submission that crashed or was never completed are deleted.

**Inputs.** None; runs every `RECONCILE_SECONDS`. Each task looks at a batch of agents at most
(`RECONCILE_BATCH`), those waiting longest first, and fails or succeeds by itself.

**Result.** While Airflow is up, no agent stays `dispatch=pending` longer than a minute, none that
was changed waits much longer than `UPDATE_QUIET_SECONDS` after its last change, and a run that was
stopped, timed out or lost shows on its agent within a minute or two. Nothing stays in `.staging/`
in the documents bucket longer than `STAGING_HOURS`.

**Idempotency.** Safe to run at any time: each task looks before it acts, and every write is
conditional on the agent's generation.

**On failure.** Nothing is lost; the next run tries again.

**Runbook.** The tasks' logs name each agent and cause: `dispatch stays pending` usually means a
broken DAG or the intake's account, `is paused` a DAG to be resumed, `deletion failed` what AWS
would not delete. To look now and not within the minute:

    airflow dags trigger reconcile_agents
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from include.settings import get_settings
from oratio.operators.reconcile import (
    CloseEndedRunsOperator,
    DispatchPendingOperator,
    FailOverdueOperator,
    RepeatDeletionsOperator,
    StartUpdatesOperator,
    SweepStagingOperator,
)

with DAG(
    dag_id="reconcile_agents",
    doc_md=__doc__,
    schedule=timedelta(seconds=get_settings().reconcile_seconds),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "oratio", "execution_timeout": timedelta(minutes=5)},
    dagrun_timeout=timedelta(minutes=10),
    tags=["agents"],
) as dag:
    DispatchPendingOperator(task_id="dispatch_pending")
    StartUpdatesOperator(task_id="start_updates")
    CloseEndedRunsOperator(task_id="close_ended_runs")
    FailOverdueOperator(task_id="fail_overdue")
    RepeatDeletionsOperator(task_id="repeat_deletions")
    SweepStagingOperator(task_id="sweep_staging")
