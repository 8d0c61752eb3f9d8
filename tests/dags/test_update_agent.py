"""The graphs of update_agent and rollback_agent, exactly as docs/architecture.md draws them."""

from __future__ import annotations

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import TriggerRule
from airflow.serialization.serialized_objects import DagSerialization

from include.models import Pipeline
from oratio.callbacks import record_failed_run
from tests.fakes import ROOT

EDGES = {
    "update_agent": {
        "ingest_documents": {"deploy_version"},
        "generate_code": {"approve_code", "deploy_version"},
        "approve_code": {"deploy_version"},
        "deploy_version": {"verify_version"},
        "verify_version": {"promote_version"},
        "promote_version": {"record_version"},
        "record_version": set(),
    },
    "rollback_agent": {
        "promote_version": {"verify_version"},
        "verify_version": {"record_version"},
        "record_version": set(),
    },
}


@pytest.fixture(scope="module")
def bag():
    return DagBag(dag_folder=str(ROOT / "dags"))


@pytest.fixture(params=EDGES)
def dag(request, bag):
    return bag.dags[request.param]


def test_edges(dag):
    edges = {task.task_id: task.downstream_task_ids - {"record_failure"} for task in dag.tasks}
    assert edges == EDGES[dag.dag_id] | {"record_failure": set()}


def test_any_failure_is_recorded(dag):
    watcher = dag.get_task("record_failure")
    assert watcher.upstream_task_ids == EDGES[dag.dag_id].keys()
    assert watcher.trigger_rule == TriggerRule.ONE_FAILED
    assert dag.on_failure_callback in (record_failed_run, [record_failed_run])


def test_every_pipeline_of_an_agent_has_its_dag(bag):
    assert {Pipeline.CREATE, Pipeline.UPDATE, Pipeline.ROLLBACK} <= bag.dags.keys()


def test_an_unverified_version_serves_no_longer_than_two_tries(bag):
    assert bag.dags["rollback_agent"].get_task("verify_version").retries == 1


def test_ingestion_keeps_to_aws_s_quota(bag):
    assert bag.dags["update_agent"].get_task("ingest_documents").pool == "bedrock_ingestion"


def test_no_template_at_all(dag):
    assert not [
        name
        for task in dag.tasks
        for name in task.template_fields
        if "{{" in str(getattr(task, name, ""))
    ]


def test_the_dag_survives_airflow_s_serialization(dag):
    copy = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert set(copy.task_dict) == {*EDGES[dag.dag_id], "record_failure"}
