"""What the clock or an operator stops: the agent ends too, and says why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.crowd import Crowd
from tests.chaos.figures import add_row
from tests.chaos.test_endings import COLUMNS

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(900)]

KNOWLEDGE_BASE = "bedrock-agent::knowledge_base"
DAG = "/api/v2/dags/create_agent"


@pytest.fixture
def waiting(stack: Any) -> Iterator[Crowd]:
    """An agent whose knowledge base is never ready, waiting for it."""
    stack.set_delay(KNOWLEDGE_BASE, 3600)
    crowd = Crowd.submit(stack, 1)
    assert not crowd.wait_until(is_waiting, seconds=60)
    yield crowd
    stack.set_delay(KNOWLEDGE_BASE, 0)


def is_waiting(agent: dict[str, Any]) -> bool:
    """Whether the agent's first step waits."""
    return bool(agent["steps"].get("ensure_knowledge_base", {}).get("status") == "waiting")


def report(name: str, agent: dict[str, Any]) -> None:
    """Add a row of figures."""
    failure = agent["failure"] or {"code": "", "message": ""}
    step = agent["steps"].get(agent["failedStep"] or "", {})
    add_row(
        "Endings", COLUMNS, name, agent["status"], agent["failedStep"] or "", failure["code"],
        step.get("attempt", 1), failure["message"],
    )  # fmt: skip


def test_a_deadline_that_passes_while_deferred(waiting: Crowd) -> None:
    (agent,) = waiting.wait_until_final(seconds=600)
    report("deadline passed while deferred", agent)
    assert (agent["status"], agent["failedStep"]) == ("failed", "ensure_knowledge_base")
    assert agent["failure"]["code"] == "deadline_exceeded"
    assert agent["steps"]["ensure_knowledge_base"]["attempt"] == 1


def test_a_run_marked_failed(stack: Any, waiting: Crowd) -> None:
    path = f"{DAG}/dagRuns/agent-{waiting.agent_ids[0]}-g1"
    with stack.airflow() as airflow:
        airflow.patch(path, json={"state": "failed"}).raise_for_status()
    (agent,) = waiting.wait_until_final(seconds=240)
    report("run marked failed in the UI", agent)
    assert agent["status"] == "failed"
    assert agent["failure"]["code"] == "run_stopped"
    assert agent["knowledgeBase"]["status"] == "error"


def test_a_paused_dag_keeps_what_it_is_sent(stack: Any) -> None:
    with stack.airflow() as airflow:
        airflow.patch(DAG, json={"is_paused": True}).raise_for_status()
        try:
            crowd = Crowd.submit(stack, 1)
            time.sleep(75)  # the reconciler has looked at it
            (paused,) = crowd.read()
        finally:
            airflow.patch(DAG, json={"is_paused": False}).raise_for_status()
    (agent,) = crowd.wait_until_final(seconds=120)
    report("DAG paused, then resumed", agent)
    assert (paused["status"], paused["steps"]) == ("creating", {})
    assert agent["status"] == "active"
