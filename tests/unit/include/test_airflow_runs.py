"""What we ask of Airflow is what the installed Airflow takes, and what it answers is read right."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.api_fastapi.core_api.datamodels.dag_run import DAGRunPatchBody, DAGRunsBatchBody
from airflow.api_fastapi.core_api.datamodels.task_instances import TaskInstancesBatchBody

from include import airflow_runs
from include.airflow_runs import Run, has_working_tasks, list_agent_runs, list_open_runs, parse_run
from include.models import AgentRef

REF = AgentRef("alice", "a1", 2)
CONF = {"user_id": "alice", "agent_id": "a1", "generation": 2}
RUN = {"dag_id": "create_agent", "dag_run_id": "r1", "state": "running", "conf": CONF}


@pytest.fixture
def asked(monkeypatch):
    bodies = []

    def ask(method, path, body):
        bodies.append(body)
        return {"dag_runs": [], "task_instances": []}

    monkeypatch.setattr(airflow_runs, "ask", ask)
    return bodies


@pytest.mark.parametrize("call", [list_open_runs, lambda: list_agent_runs("a1")])
def test_airflow_takes_our_questions_about_runs(asked, call):
    assert list(call()) == []
    wanted = DAGRunsBatchBody(**asked[0])
    assert {"create_agent", "delete_agent"} <= set(wanted.dag_ids)


def test_airflow_takes_our_question_about_tasks(asked):
    assert has_working_tasks([parse_run(RUN)]) is False
    assert TaskInstancesBatchBody(**asked[0]).dag_run_ids == ["r1"]
    assert has_working_tasks([]) is False
    assert len(asked) == 1


def test_airflow_knows_the_state_that_ends_a_run():
    assert DAGRunPatchBody(state="failed")


def test_a_run_is_read():
    assert parse_run(RUN) == Run("create_agent", "r1", "running", REF, None)
    times = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-01T00:01:30.5Z"}
    ended = parse_run(RUN | times | {"state": "failed"})
    assert (ended.is_open, ended.lasted) == (False, timedelta(seconds=90.5))


def test_without_a_generation_it_is_the_first():
    assert parse_run(RUN | {"conf": {"user_id": "u", "agent_id": "a"}}).ref.generation == 1


@pytest.mark.parametrize("generation", ["x", None])
def test_a_run_of_no_generation_is_nobody_s(generation):
    assert parse_run(RUN | {"conf": CONF | {"generation": generation}}) is None


@pytest.mark.parametrize("conf", [None, {}, {"user_id": "u"}])
def test_a_run_about_no_agent_is_nobody_s(conf):
    assert parse_run(RUN | {"conf": conf}) is None
