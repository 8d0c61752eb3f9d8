"""The graph of create_agent, exactly as docs/architecture.md draws it."""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import timedelta

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction, TriggerRule, WeightRule
from airflow.sdk.definitions.param import ParamsDict, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from jinja2.sandbox import SandboxedEnvironment

from include.errors import FatalError
from include.models import AgentRef
from include.naming import bundle_key
from local.bootstrap import POOLS
from oratio.callbacks import record_failed_run
from oratio.defaults import NEARLY_DONE
from tests.fakes import ROOT

AGENT = "0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
GOOD = {"user_id": "alice", "agent_id": AGENT, "generation": 1, "turn": 0}
EDGES = {
    "ensure_knowledge_base": {"ingest_documents"},
    "ingest_documents": {"deploy_runtime"},
    "generate_code": {"wait_for_code", "approve_code"},
    "approve_code": {"deploy_runtime"},
    "wait_for_code": {"deploy_runtime"},
    "deploy_runtime": {"verify_agent"},
    "verify_agent": {"activate"},
    "activate": set(),
}
STEPS = [name for name in EDGES if name != "wait_for_code"]


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=str(ROOT / "dags" / "create_agent.py")).dags["create_agent"]


def test_edges(dag):
    edges = {task.task_id: task.downstream_task_ids - {"record_failure"} for task in dag.tasks}
    assert edges == EDGES | {"record_failure": set()}


def test_any_failure_is_recorded(dag):
    watcher = dag.get_task("record_failure")
    assert watcher.upstream_task_ids == EDGES.keys()
    assert watcher.trigger_rule == TriggerRule.ONE_FAILED
    assert dag.get_task("activate").trigger_rule == TriggerRule.ALL_SUCCESS


def test_a_run_that_fails_as_a_whole_is_recorded_too(dag):
    assert dag.on_failure_callback in (record_failed_run, [record_failed_run])


def test_a_run_has_half_an_hour_and_the_time_a_person_may_take(dag):
    assert dag.dagrun_timeout == timedelta(minutes=30, hours=72)
    assert dag.get_task("approve_code").response_timeout == timedelta(hours=72)


def test_an_approval_that_is_skipped_does_not_stop_the_run(dag):
    assert dag.get_task("deploy_runtime").trigger_rule == TriggerRule.NONE_FAILED


def test_what_an_operator_reads_is_no_template(dag):
    assert dag.get_task("approve_code").template_fields == ()


@pytest.mark.parametrize("name", EDGES)
def test_six_retries_with_growing_pauses(dag, name):
    task = dag.get_task(name)
    assert (task.retries, bool(task.retry_exponential_backoff)) == (6, True)
    assert task.retry_delay < task.max_retry_delay


@pytest.mark.parametrize("name", STEPS)
def test_no_retry_after_an_error_that_cannot_pass(dag, name):
    policy = dag.get_task(name).retry_policy
    decision = policy.evaluate(FatalError("x"), try_number=1, max_tries=3)
    assert decision.action == RetryAction.FAIL


def test_ingestion_keeps_to_aws_s_quota(dag):
    assert dag.get_task("ingest_documents").pool == "bedrock_ingestion"
    assert POOLS["bedrock_ingestion"][0] == 5
    others = {task.pool for task in dag.tasks} - {"bedrock_ingestion"}
    assert others == {"default_pool"}


def test_later_steps_go_before_the_first_ones_of_others(dag):
    first = {"ensure_knowledge_base", "ingest_documents", "generate_code", "wait_for_code"}
    for task in dag.tasks:
        assert task.weight_rule in ("absolute", WeightRule.ABSOLUTE)
        assert (task.priority_weight == NEARLY_DONE) == (task.task_id not in first)


def test_waiting_for_the_code_holds_no_worker_and_ends(dag):
    sensor = dag.get_task("wait_for_code")
    assert sensor.deferrable
    assert sensor.timeout <= dag.dagrun_timeout.total_seconds()
    assert sensor.aws_conn_id is None


def test_the_code_waited_for_is_the_bundle_of_this_generation(dag):
    sensor = dag.get_task("wait_for_code")
    params = GOOD | {"generation": 7}
    key = SandboxedEnvironment().from_string(sensor.bucket_key).render(params=params)
    assert key == bundle_key(AgentRef("alice", AGENT, 7))
    assert sensor.bucket_name == "oratio-generated-code"


def test_the_only_template_names_ids(dag):
    templates = [
        value
        for task in dag.tasks
        for name in task.template_fields
        if "{{" in str(value := getattr(task, name, ""))
    ]
    assert len(templates) == 1
    assert set(re.findall(r"params\.(\w+)", templates[0])) == GOOD.keys() - {"turn"}


def fill(dag, conf) -> dict:
    params: ParamsDict = deepcopy(dag.params)
    params.update(conf)
    return params.validate()


def test_good_params(dag):
    assert fill(dag, GOOD) == GOOD


@pytest.mark.parametrize(
    "bad",
    [{"user_id": "a/b"}, {"user_id": ""}, {"agent_id": "a1"}, {"generation": 0}],
)
def test_bad_params(dag, bad):
    with pytest.raises(ParamValidationError):
        fill(dag, GOOD | bad)


def test_the_dag_survives_airflow_s_serialization(dag):
    copy = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert set(copy.task_dict) == {*EDGES, "record_failure"}
    assert copy.task_dict["verify_agent"].downstream_task_ids == {"activate", "record_failure"}
