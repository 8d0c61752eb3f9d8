"""Two tenants with contradicting documents, and a third who sees neither."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.system

QUESTION = "Within how many days may goods be returned?"


def make_rule(days: int) -> dict[str, bytes]:
    """A document that sets the period."""
    return {"rules/returns.md": f"# Returns\n\nGoods may be returned within {days} days.".encode()}


def test_each_tenant_gets_only_its_own_answer(stack: Any) -> None:
    days = {"ann": 14, "ben": 60}
    tenants = {name: stack.tenant(name) for name in days}
    created = {name: tenants[name].create(make_rule(days[name])) for name in days}
    for name, other in (("ann", "ben"), ("ben", "ann")):
        agent = tenants[name].wait_for(created[name]["agentId"], "active")
        answer = tenants[name].ask(agent["agentId"], QUESTION)
        assert f"{days[name]} days" in answer["answer"]
        assert f"{days[other]} days" not in str(answer)
        passages = retrieve(stack, agent)
        assert all(f"{name}/{agent['agentId']}/" in uri for uri, _ in passages)
        assert not any(f"{days[other]} days" in text for _, text in passages)

    stranger = stack.tenant("eve")
    missing = stranger.http.get("/api/agents/00000000-0000-4000-8000-000000000000")
    for agent in created.values():
        path = f"/api/agents/{agent['agentId']}"
        seen = stranger.http.get(path)
        assert seen.status_code == 404
        assert seen.json().keys() == missing.json().keys()
        asked = stranger.http.post(f"{path}/chat", json={"message": QUESTION})
        assert asked.status_code == 404
    assert stranger.http.get("/api/agents").json() == []


def retrieve(stack: Any, agent: dict[str, Any]) -> list[tuple[str, str]]:
    """URI and text of all that the agent's knowledge base returns."""
    answer = stack.aws("bedrock-agent-runtime").retrieve(
        knowledgeBaseId=agent["knowledgeBase"]["bedrockKnowledgeBaseId"],
        retrievalQuery={"text": QUESTION},
    )
    results = answer["retrievalResults"]
    assert results
    return [(r["location"]["s3Location"]["uri"], r["content"]["text"]) for r in results]
