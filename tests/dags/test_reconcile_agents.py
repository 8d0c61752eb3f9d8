"""The reconciler runs every minute, one at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.dag_processing.dagbag import DagBag

from tests.fakes import ROOT


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=str(ROOT / "dags" / "reconcile_agents.py")).dags["reconcile_agents"]


def test_every_minute_and_never_twice_at_once(dag):
    assert dag.schedule == timedelta(minutes=1)
    assert dag.max_active_runs == 1


def test_no_task_waits_for_another(dag):
    assert {task.task_id for task in dag.tasks} == {
        "dispatch_pending",
        "start_updates",
        "close_ended_runs",
        "fail_overdue",
        "repeat_deletions",
        "sweep_staging",
    }
    assert not any(task.downstream_task_ids for task in dag.tasks)


def test_a_run_ends_before_many_are_missed(dag):
    assert dag.dagrun_timeout <= timedelta(minutes=10)
