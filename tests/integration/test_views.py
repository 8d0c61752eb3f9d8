"""The operators' pages: for those who are logged in, and harmless whatever a tenant wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.common.db.common import _get_session
from fastapi.testclient import TestClient

from include.models import StepError
from include.steps import fail_agent, run_step
from oratio.views import OPERATORS, app
from tests.fakes import reload, store_agent

EVIL = "<script>alert(1)</script>{{ 7*7 }}"


class FakeSession:
    """Airflow's database, as far as the pages ask it: these runs."""

    def __init__(self, *runs):
        self.runs = runs

    def scalars(self, query):
        return iter(self.runs)

    def scalar(self, query):
        return next(iter(self.runs), None)


def make_run(agent):
    conf = {"user_id": agent.user_id, "agent_id": agent.agent_id, "generation": 1}
    return SimpleNamespace(
        dag_id="create_agent",
        run_id=f"agent-{agent.agent_id}-g1",
        conf=conf,
        state="running",
        start_date=datetime.now(UTC),
    )


@pytest.fixture
def agent(stand_in):
    return store_agent(agent_name=EVIL)


@pytest.fixture
def pages(agent):
    """The pages as an operator gets them."""
    app.dependency_overrides[OPERATORS] = lambda: None
    app.dependency_overrides[_get_session] = lambda: FakeSession(make_run(agent))
    yield TestClient(app, follow_redirects=False)
    app.dependency_overrides.clear()


ROUTES = ["/", "/agents/u/a", "/runs/create_agent/r/agent", "/runbook/throttled"]


@pytest.mark.parametrize("path", ROUTES)
def test_nothing_is_shown_without_airflow_s_login(path):
    app.dependency_overrides[_get_session] = FakeSession
    try:
        assert TestClient(app).get(path).status_code == 401
    finally:
        app.dependency_overrides.clear()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_the_pages_do_not_describe_themselves(path):
    assert TestClient(app).get(path).status_code == 404


def test_every_route_asks_who_calls():
    for route in app.routes:
        assert OPERATORS in [dependency.call for dependency in route.dependant.dependencies]


def test_the_list_leads_to_the_agent(pages, agent):
    answer = pages.get("/")
    assert f"/oratio/agents/{agent.user_id}/{agent.agent_id}" in answer.text
    assert "<script>" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}" in answer.text


def test_the_page_of_a_failed_agent(pages, agent):
    def fail(agent, redo):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run_step(agent.ref, "deploy_runtime", 1, fail)
    fail_agent(agent.ref, StepError(code="x", message="x"))
    answer = pages.get(f"/agents/{agent.user_id}/{agent.agent_id}")
    assert answer.status_code == 200
    assert "deploy_runtime: internal_error" in answer.text
    assert "/oratio/runbook/internal_error" in answer.text
    assert f"../../../dags/create_agent/runs/agent-{agent.agent_id}-g1" in answer.text
    assert "returns.md" in answer.text
    assert "<script>" not in answer.text
    assert reload(agent).sop not in answer.text


def test_scripts_are_forbidden_in_case_one_slips_through(pages):
    policy = pages.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy


def test_a_link_of_a_task_leads_on(pages, agent):
    page = f"/oratio/agents/{agent.user_id}/{agent.agent_id}"
    for target in ("agent", "runtime", "knowledge-base", "elsewhere"):  # nothing is made yet
        answer = pages.get(f"/runs/create_agent/agent-{agent.agent_id}-g1/{target}")
        assert answer.status_code == 303
        assert answer.headers["location"].endswith(page)


@pytest.mark.parametrize("path", ["/agents/nobody/none", "/runbook/none"])
def test_what_is_not_there_is_a_404(pages, path):
    assert pages.get(path).status_code == 404


def test_a_runbook_entry_is_shown(pages):
    assert "Means." in pages.get("/runbook/throttled").text
