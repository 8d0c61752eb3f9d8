"""An agent's later days, through every real part: updated, rolled back, asked all the while."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.updates import measure, run_verb
from tests.system.conftest import wait_until

pytestmark = pytest.mark.system

DOCUMENTS = {
    "hours.md": b"# Hours\n\nThe shop opens at nine and closes at six.",
    "returns.md": b"# Returns\n\nBicycles may be returned within 30 days of delivery.",
}
SHORT = "Answer from the documents, politely. Never promise a discount."
HOURS = "When does the shop open?"


def create(stack: Any, name: str) -> tuple[Any, str]:
    """An active agent of a tenant of its own."""
    tenant = stack.tenant(name)
    agent_id = tenant.create(DOCUMENTS)["agentId"]
    tenant.wait_for(agent_id, "active")
    return tenant, agent_id


def put(tenant: Any, agent_id: str, path: str, content: bytes) -> None:
    """Add or replace a document."""
    answer = tenant.http.put(f"/api/agents/{agent_id}/documents/{path}", content=content)
    assert answer.is_success, answer.text


def start(tenant: Any, agent_id: str, verb: str) -> None:
    """Start an update or a rollback."""
    answer = tenant.http.post(f"/api/agents/{agent_id}:{verb}")
    assert answer.status_code == 202, answer.text


def wait_for_end(tenant: Any, agent_id: str) -> dict[str, Any]:
    """Wait until nothing is being done to the agent."""
    found: dict[str, Any] = wait_until(
        lambda: (agent := tenant.get(agent_id))["runningPipeline"] is None and agent,
        f"the run of {agent_id} to end",
    )
    return found


def cited(answer: dict[str, Any]) -> list[str]:
    """The documents an answer rests on."""
    return [citation["document"] for citation in answer["citations"]]


def test_sop_and_documents_change_while_the_old_version_serves(stack: Any) -> None:
    tenant, agent_id = create(stack, "updater")
    patched = tenant.http.patch(f"/api/agents/{agent_id}", json={"sop": SHORT})
    assert patched.is_success, patched.text
    put(tenant, agent_id, "hours.md", b"# Hours\n\nThe shop opens at eleven, closes at six.")
    put(tenant, agent_id, "parking.md", b"# Parking\n\nCars park for free behind the old mill.")
    removed = tenant.http.delete(f"/api/agents/{agent_id}/documents/returns.md")
    assert removed.status_code == 204
    start(tenant, agent_id, "update")
    while (agent := tenant.get(agent_id))["runningPipeline"]:
        assert agent["status"] == "active"
        assert tenant.ask(agent_id, HOURS)["citations"]
    assert (agent["updateFailure"], agent["version"]) == (None, "2")
    assert agent["updateRequestedAt"] is None
    assert {step["status"] for step in agent["steps"].values()} == {"succeeded"}
    assert "eleven" in tenant.ask(agent_id, HOURS)["answer"]
    assert "parking.md" in cited(tenant.ask(agent_id, "Where can cars park?"))
    assert "returns.md" not in cited(tenant.ask(agent_id, "How long can I return a bicycle?"))

    seconds = run_verb(tenant.http, agent_id, "rollback")
    print(f" [rollback: {seconds:.1f} s] ", end="")
    back = tenant.get(agent_id)
    assert (back["version"], back["sop"], back["status"]) == ("1", SHORT, "active")
    assert back["generatedPrompt"] != agent["generatedPrompt"]
    listed = tenant.http.get(f"/api/agents/{agent_id}/versions").json()
    assert [(v["version"], v["isServing"]) for v in listed] == [("2", False), ("1", True)]
    assert "eleven" in tenant.ask(agent_id, HOURS)["answer"]  # documents stay as they are


def test_an_update_that_fails_leaves_the_old_version(stack: Any) -> None:
    tenant, agent_id = create(stack, "unlucky")
    for path in DOCUMENTS:  # unreadable, each of them, but of a type that is accepted
        put(tenant, agent_id, f"{path}.pdf", b"%PDF-1.7 cut")
        tenant.http.delete(f"/api/agents/{agent_id}/documents/{path}")
    start(tenant, agent_id, "update")
    agent = wait_for_end(tenant, agent_id)
    assert agent["updateFailure"]["code"] == "ingestion_failed"
    assert agent["updateFailure"]["step"] == "ingest_documents"
    assert "hours.md.pdf" in agent["updateFailure"]["message"]
    assert (agent["status"], agent["version"]) == ("active", "1")
    assert agent["updateRequestedAt"]
    put(tenant, agent_id, "hours.md", DOCUMENTS["hours.md"])
    start(tenant, agent_id, "update")
    agent = wait_for_end(tenant, agent_id)
    assert (agent["updateFailure"], agent["updateRequestedAt"]) == (None, None)
    assert "nine" in tenant.ask(agent_id, HOURS)["answer"]


def test_a_change_left_alone_is_rolled_out_by_itself(stack: Any) -> None:
    tenant, agent_id = create(stack, "patient")
    assert tenant.http.patch(f"/api/agents/{agent_id}", json={"sop": SHORT}).is_success
    agent = wait_until(
        lambda: (agent := tenant.get(agent_id))["version"] == "2" and agent,
        "the reconciler to update the agent",
        seconds=240,
    )
    assert agent["generation"] == 2


def test_no_chat_fails_while_versions_change(stack: Any) -> None:
    tenant, agent_id = create(stack, "busy")
    load, seconds = measure(tenant.http, agent_id, rounds=1, least_seconds=15)
    print(f" [{len(load.seconds)} chats, {seconds}] ", end="")
    assert load.failures == []
    assert len(load.seconds) >= 20
