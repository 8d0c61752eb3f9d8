"""Pages of agents and knowledge bases: complete, in order, and one tenant's only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from include import lists, records
from include.models import AgentStatus, Step, StepStatus, now
from tests.fakes import store_agent

pytestmark = pytest.mark.usefixtures("no_airflow")


@pytest.fixture
def alice(sign_in):
    return sign_in()


def store_agents(user_id: str, count: int) -> list[str]:
    """Ids of new agents, oldest first."""
    times = [f"2026-01-01T00:00:{second:02}.000+00:00" for second in range(count)]
    return [store_agent({}, user_id=user_id, created_at=time).agent_id for time in times]


def next_path(answer: Any) -> str | None:
    match = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
    return match and match[1]


def walk(caller: Any, path: str | None) -> Iterator[list[dict]]:
    """All pages."""
    while path:
        answer = caller.get(path)
        assert answer.status_code == 200, answer.text
        yield answer.json
        path = next_path(answer)


@pytest.mark.parametrize(("limit", "sizes"), [(3, [3, 3, 1]), (7, [7]), (8, [7]), (1, [1] * 7)])
def test_pages_are_complete_and_newest_first(alice, limit, sizes):
    stored = store_agents(alice.user_id, 7)
    pages = list(walk(alice, f"/api/agents?limit={limit}"))
    # DynamoDB may learn only from an empty page that there is no more.
    assert [len(page) for page in pages if page] == sizes
    assert [agent["agentId"] for page in pages for agent in page] == stored[::-1]


def test_an_agent_that_comes_between_pages_moves_nothing(alice):
    stored = store_agents(alice.user_id, 4)
    first = alice.get("/api/agents?limit=2")
    store_agent({}, user_id=alice.user_id)
    (rest, *_) = walk(alice, next_path(first))
    assert [a["agentId"] for a in first.json + rest] == stored[::-1]


def test_agents_of_one_moment_are_all_listed(alice):
    moment = now()
    ids = {store_agent({}, user_id=alice.user_id, created_at=moment).agent_id for _ in range(5)}
    pages = list(walk(alice, "/api/agents?limit=2"))
    assert {agent["agentId"] for page in pages for agent in page} == ids


def test_the_filter_goes_through_pages(alice):
    stored = store_agents(alice.user_id, 6)
    for agent_id in stored[::2]:
        agent = records.get_agent(alice.user_id, agent_id)
        records.update_agent(agent.ref, status=AgentStatus.ACTIVE)
    pages = list(walk(alice, "/api/agents?status_filter=active&limit=2"))
    assert [a["agentId"] for page in pages for a in page] == stored[::2][::-1]
    assert {a["status"] for page in pages for a in page} == {"active"}
    assert len(alice.get("/api/agents?status_filter=creating").json) == 3


def test_every_way_to_change_the_status_moves_the_agent(alice):
    agent = store_agent({}, user_id=alice.user_id)
    records.update_agent(agent.ref, status=AgentStatus.FAILED)
    assert len(lists.list_agents(alice.user_id, AgentStatus.FAILED).entries) == 1
    step = Step(status=StepStatus.RUNNING, attempt=1, started_at=now())
    records.record_step(agent.ref, "generate_code", step, status=AgentStatus.CREATING)
    assert lists.list_agents(alice.user_id, AgentStatus.FAILED).entries == []
    assert len(lists.list_agents(alice.user_id, AgentStatus.CREATING).entries) == 1


def test_pages_are_filled_although_deleted_agents_lie_between(alice):
    stored = store_agents(alice.user_id, 6)
    for agent_id in stored[1::2]:
        ref = records.get_agent(alice.user_id, agent_id).ref
        records.update_agent(ref, deletion_requested_at=now())
    (page, *_) = walk(alice, "/api/agents?limit=3")
    assert [agent["agentId"] for agent in page] == stored[::2][::-1]


def test_a_cursor_is_good_for_its_user_list_and_filter_only(alice, sign_in):
    store_agents(alice.user_id, 3)
    cursor = next_path(alice.get("/api/agents?limit=1")).rpartition("cursor=")[2]
    bob = sign_in()
    for caller, path in (
        (bob, f"/api/agents?cursor={cursor}"),
        (alice, f"/api/agents?status_filter=active&cursor={cursor}"),
        (alice, f"/api/knowledge-bases?cursor={cursor}"),
        (alice, f"/api/agents?cursor={cursor[:-1]}"),
        (alice, f"/api/agents?cursor=x{cursor}"),
    ):
        answer = caller.get(path)
        assert answer.status_code == 422
        assert [e["field"] for e in answer.json["errors"]] == ["cursor"]
    assert len(alice.get(f"/api/agents?cursor={cursor}").json) == 2


def test_knowledge_bases_are_listed_in_pages(alice, sign_in):
    store_agent({}, user_id="somebody")
    agents = store_agents(alice.user_id, 3)
    pages = list(walk(alice, "/api/knowledge-bases?limit=2"))
    found = [base for page in pages for base in page]
    assert {base["agentId"] for base in found} == set(agents)
    times = [base["createdAt"] for base in found]
    assert times == sorted(times, reverse=True)
    assert sign_in().get("/api/knowledge-bases").json == []


def test_a_knowledge_base_of_another_is_none(alice, sign_in):
    agent = store_agent(user_id=alice.user_id)
    path = f"/api/knowledge-bases/{agent.knowledge_base_id}"
    own = alice.get(path)
    assert own.json["documents"][0]["path"] == "returns.md"
    foreign, missing = sign_in().get(path), sign_in().get("/api/knowledge-bases/none")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json["detail"].replace(agent.knowledge_base_id, "none") == missing.json["detail"]
