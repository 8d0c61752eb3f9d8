"""Handing runs to Airflow: accepted once, never lost, never started twice."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from include import records
from include.dispatch import dispatch_agent, dispatch_pending_agents, get_airflow
from include.errors import AirflowUnavailableError, NameTakenError
from include.naming import run_id
from tests.fakes import RETURNS, reload, store_agent

FILE = ("returns.md", RETURNS)


@pytest.fixture
def alice(sign_in):
    return sign_in()


def submit(caller):
    answer = caller.submit(FILE)
    assert answer.status_code == 201
    return records.get_agent(caller.user_id, answer.json["agentId"])


def test_a_submission_starts_its_run(alice, airflow):
    agent = submit(alice)
    assert agent.dispatch == "sent"
    run = airflow.runs[run_id(agent.ref)]
    assert isinstance(run["conf"].pop("turn"), int)
    assert run == {
        "dag_run_id": f"agent-{agent.agent_id}-g1",
        "logical_date": None,
        "conf": {"user_id": alice.user_id, "agent_id": agent.agent_id, "generation": 1},
    }


def test_the_more_a_tenant_has_in_creation_the_later_its_next_turn(sign_in, airflow):
    many, single = sign_in(), sign_in()
    turns = [airflow.conf_of(submit(many).ref)["turn"] for _ in range(5)]
    assert turns == sorted(set(turns))
    assert airflow.conf_of(submit(single).ref)["turn"] < turns[3]


def test_no_text_of_the_tenant_s_reaches_airflow(alice, airflow):
    submit(alice)
    assert "Look the answer up" not in str(airflow.runs)


def test_a_run_that_exists_already_is_ours(stand_in, airflow):
    agent = store_agent()
    dispatch_agent(agent)
    records.update_agent(agent.ref, dispatch="pending")
    dispatch_agent(agent)
    assert reload(agent).dispatch == "sent"
    assert len(airflow.runs) == 1


@pytest.mark.parametrize("change", [{"user_id": "mallory"}, {"generation": 2}, {"more": "x"}])
def test_a_run_of_our_name_with_another_conf_is_not_ours(stand_in, airflow, change):
    agent = store_agent()
    own = {"user_id": agent.user_id, "agent_id": agent.agent_id, "generation": 1}
    airflow.hold_run(run_id(agent.ref), own | change)
    with pytest.raises(NameTakenError):
        dispatch_agent(agent)
    assert reload(agent).dispatch == "pending"


def test_an_expired_token_is_renewed_once(alice, airflow):
    submit(alice)
    airflow.expire_tokens()
    assert submit(alice).dispatch == "sent"
    assert airflow.log_ins == 2
    assert submit(alice).dispatch == "sent"
    assert airflow.log_ins == 2


def test_an_account_that_airflow_refuses_is_no_endless_loop(alice, airflow):
    get_airflow().token = "stale"
    airflow.status = 401
    assert submit(alice).dispatch == "pending"
    assert airflow.log_ins == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500, 503])
def test_a_refusal_leaves_the_run_pending(alice, airflow, status):
    airflow.status = status
    agent = submit(alice)
    assert agent.dispatch == "pending"
    with pytest.raises(AirflowUnavailableError):
        dispatch_agent(agent)


def test_an_answer_that_is_not_airflow_s_leaves_the_run_pending(alice, airflow):
    airflow.body = b"<html>Sign in to the proxy</html>"
    assert submit(alice).dispatch == "pending"


def test_airflow_being_down_is_no_error_of_ours(alice, no_airflow):
    assert submit(alice).dispatch == "pending"


def test_a_run_that_started_but_was_not_recorded_is_no_error_of_the_tenant_s(
    alice, airflow, monkeypatch
):
    def lose(*arguments, **attributes):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    monkeypatch.setattr(records, "record_dispatch", lose)
    agent = submit(alice)
    assert (agent.dispatch, run_id(agent.ref) in airflow.runs) == ("pending", True)


def test_what_is_pending_is_dispatched_later(empty_stand_in, airflow):
    agents = [store_agent() for _ in range(3)]
    airflow.status = 503
    assert dispatch_pending_agents() == 0
    airflow.status = None
    assert dispatch_pending_agents() == 3
    assert {reload(agent).dispatch for agent in agents} == {"sent"}
    assert airflow.runs.keys() == {run_id(agent.ref) for agent in agents}
    assert dispatch_pending_agents() == 0


def test_one_agent_s_trouble_does_not_keep_the_others_waiting(empty_stand_in, airflow, monkeypatch):
    agents = [store_agent() for _ in range(3)]
    airflow.hold_run(run_id(agents[1].ref), {"user_id": "mallory"})
    record = records.record_dispatch

    def record_but_one(ref):
        if ref == agents[2].ref:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        record(ref)

    monkeypatch.setattr(records, "record_dispatch", record_but_one)
    assert dispatch_pending_agents() == 1
    assert [reload(agent).dispatch for agent in agents] == ["sent", "pending", "pending"]
