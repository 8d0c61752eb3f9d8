"""The graph of delete_agent: the reverse of a creation, one step after the other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction, TriggerRule

from include.errors import FatalError
from include.models import Pipeline
from oratio.callbacks import record_failed_run
from tests.fakes import ROOT

STEPS = [
    "stop_runs",
    "delete_runtime",
    "delete_knowledge_base",
    "delete_documents",
    "delete_customer_data",
]
TASKS = [*STEPS, "delete_records"]


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=str(ROOT / "dags" / "delete_agent.py")).dags["delete_agent"]


def test_its_id_is_what_deletions_are_dispatched_to(dag):
    assert dag.dag_id == Pipeline.DELETE


def test_each_task_follows_the_one_before(dag):
    after = {task.task_id: task.downstream_task_ids - {"record_failure"} for task in dag.tasks}
    assert after == {
        **{name: {follower} for name, follower in pairwise(TASKS)},
        "delete_records": set(),
        "record_failure": set(),
    }


def test_any_failure_is_recorded(dag):
    watcher = dag.get_task("record_failure")
    assert watcher.upstream_task_ids == set(TASKS)
    assert watcher.trigger_rule == TriggerRule.ONE_FAILED
    assert dag.on_failure_callback in (record_failed_run, [record_failed_run])


@pytest.mark.parametrize("name", TASKS)
def test_what_may_pass_is_tried_again_and_what_cannot_is_not(dag, name):
    task = dag.get_task(name)
    assert (task.retries, bool(task.retry_exponential_backoff)) == (6, True)
    decision = task.retry_policy.evaluate(FatalError("x"), try_number=1, max_tries=3)
    assert decision.action == RetryAction.FAIL
