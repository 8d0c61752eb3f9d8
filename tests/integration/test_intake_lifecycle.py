"""What a tenant may do to an agent that exists, in which state: pause, resume, retry, delete."""

from __future__ import annotations

import pytest

from include import records
from include.dispatch import dispatch_pending_agents
from include.errors import StaleGenerationError
from include.steps import run_step
from tests.fakes import knowledge_base_of, reload
from tests.tenant import NEW_SOP, STEP, call, patch, require_problem, store

FAILURE = {"code": "ingestion_failed", "message": "No document could be read."}


@pytest.fixture
def alice(sign_in, no_airflow):
    return sign_in()


def test_pause_and_resume(alice):
    agent = store(alice, status="active")
    assert patch(alice, agent, status="paused").json["status"] == "paused"
    answer = alice.ask(agent.agent_id, "Hello?")
    require_problem(answer, 409, "not_active")
    assert [a["status"] for a in alice.get("/api/agents?status_filter=paused").json] == ["paused"]
    assert patch(alice, agent, status="paused").status_code == 200
    assert patch(alice, agent, status="active").json["status"] == "active"
    assert patch(alice, agent, status="active").json["updateRequestedAt"] is None


@pytest.mark.parametrize("status", ["creating", "failed"])
@pytest.mark.parametrize("wanted", ["active", "paused"])
def test_only_serving_agents_are_paused_and_resumed(alice, status, wanted):
    agent = store(alice, status=status)
    require_problem(patch(alice, agent, status=wanted), 409, "wrong_state")
    assert reload(agent).status == status


def test_a_failed_agent_is_started_again(alice, airflow):
    agent = store(alice)
    records.record_step(agent.ref, "ingest_documents", STEP)
    records.update_agent(
        agent.ref, status="failed", failure=FAILURE, failed_step="ingest_documents", dispatch="sent"
    )
    records.update_knowledge_base(agent.ref, agent.knowledge_base_id, status="error")
    assert patch(alice, agent, sop=NEW_SOP).status_code == 200
    answer = call(alice, "POST", agent, ":retry")
    assert answer.status_code == 202
    expected = {"status": "creating", "generation": 2, "steps": {}, "failure": None, "sop": NEW_SOP}
    assert answer.json | expected == answer.json
    assert answer.json["knowledgeBase"]["status"] == "notready"
    assert knowledge_base_of(agent).status == "notready"
    assert reload(agent).dispatch == "sent"
    assert airflow.conf_of(reload(agent).ref)["generation"] == 2
    with pytest.raises(StaleGenerationError):
        records.record_step(agent.ref, "ingest_documents", STEP)


@pytest.mark.parametrize("status", ["creating", "active", "paused"])
def test_only_failed_agents_are_retried(alice, status):
    agent = store(alice, status=status)
    require_problem(call(alice, "POST", agent, ":retry"), 409, "wrong_state")
    assert reload(agent).generation == 1


def test_a_retry_while_airflow_is_down_is_dispatched_later(empty_stand_in, alice, airflow):
    agent = store(alice, status="failed", dispatch="sent")
    airflow.status = 503
    assert call(alice, "POST", agent, ":retry").status_code == 202
    airflow.status = None
    assert dispatch_pending_agents() == 1
    assert list(airflow.runs) == [f"agent-{agent.agent_id}-g2"]


@pytest.mark.parametrize("status", ["creating", "active", "paused", "failed"])
def test_a_deleted_agent_is_gone(alice, airflow, status):
    agent = store(alice, status=status)
    answer = call(alice, "DELETE", agent)
    assert answer.status_code == 202
    assert answer.json["agentId"] == agent.agent_id
    assert answer.json["deletionRequestedAt"]
    for verb, path in [("GET", ""), ("DELETE", ""), ("GET", "/documents"), ("POST", ":retry"),
                       ("GET", "/events")]:  # fmt: skip
        require_problem(call(alice, verb, agent, path), 404, "not_found")
    require_problem(patch(alice, agent, agentName="x"), 404, "not_found")
    assert alice.get("/api/agents").json == []
    assert alice.get(f"/api/agents?status_filter={status}").json == []
    assert alice.get("/api/knowledge-bases").json == []
    assert alice.get(f"/api/knowledge-bases/{agent.knowledge_base_id}").status_code == 404
    with pytest.raises(StaleGenerationError):
        run_step(agent.ref, "generate_code", 1, lambda current, redo: None)
    assert list(airflow.runs) == [f"agent-{agent.agent_id}-g2"]
    record = records.find_agent(agent.user_id, agent.agent_id)
    assert (record.generation, bool(record.deletion_requested_at)) == (2, True)
    assert (record.pipeline, record.dispatch) == ("delete_agent", "sent")
