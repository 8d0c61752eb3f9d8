"""The audit runs less often than the reconciler, for it lists everything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.dag_processing.dagbag import DagBag

from tests.fakes import ROOT


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=str(ROOT / "dags" / "audit_agents.py")).dags["audit_agents"]


def test_every_quarter_of_an_hour_and_never_twice_at_once(dag):
    assert dag.schedule == timedelta(minutes=15)
    assert dag.max_active_runs == 1


def test_no_task_waits_for_another(dag):
    assert {task.task_id for task in dag.tasks} == {"remove_orphans", "fail_drifted"}
    assert not any(task.downstream_task_ids for task in dag.tasks)
