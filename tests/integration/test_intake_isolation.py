"""Every route and verb, every tenant, everybody else's agents: as if they did not exist."""

from __future__ import annotations

import os
from itertools import product
from uuid import uuid4

import pytest

from api.app import create_app
from include import records
from include.creator.trial.report import TrialReport, store_report
from tests.fakes import list_keys, store_agent

pytestmark = pytest.mark.usefixtures("no_airflow")

TENANTS = 3
STATUSES = ["creating", "active", "paused", "failed"]
ROUNDS = int(os.environ.get("ISOLATION_ROUNDS", "1"))  # 2 rounds are over 10,000 requests
DOCUMENTS = "oratio-knowledge-bases"
VERBS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
VARYING = {"X-Request-Id", "Date", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"}
# What each route is asked for, once as it wants it and once not; If-Match must not tell either.
BODIES = {
    "ask_agent": {"json": {"message": "Hello?"}},
    "change_agent": {"json": {"agentName": "Mallory"}},
    "put_document": {"data": b"Mallory's terms"},
}
VARIANTS = [
    lambda endpoint: BODIES.get(endpoint, {}),
    lambda endpoint: {"json": {"mallory": True}},
    lambda endpoint: BODIES.get(endpoint, {}) | {"headers": {"If-Match": '"x"'}},
    lambda endpoint: BODIES.get(endpoint, {}) | {"headers": {"Idempotency-Key": str(uuid4())}},
]


def list_routes():
    """(rule, verb, endpoint's function) of all that names an agent or a knowledge base."""
    rules = [rule for rule in create_app().url_map.iter_rules() if has_id(rule.rule)]
    verbs = product({rule.rule: rule for rule in rules}.values(), VERBS)
    return [(rule.rule, verb, name_view(rules, rule.rule, verb)) for rule, verb in verbs]


def has_id(path):
    return "<agent_id>" in path or "<knowledge_base_id>" in path


def name_view(rules, path, verb):
    found = [rule for rule in rules if rule.rule == path and verb in rule.methods]
    return found[0].endpoint.rpartition(".")[2] if found else None


ROUTES = list_routes()


@pytest.fixture
def tenants(sign_in, configure):
    configure(RATE_LIMIT_TENANT="1000000/minute")
    callers = [sign_in() for _ in range(TENANTS)]
    return [(c, [store_tried(c.user_id, s) for s in STATUSES]) for c in callers]


def store_tried(user_id, status):
    """An agent with a report on how its code did."""
    agent = store_agent(user_id=user_id, status=status)
    store_report(agent.ref, TrialReport(score=1.0, scenarios=()))
    return agent


def fill(path, ids):
    for name, value in ids.items():
        path = path.replace(f"<{name}>", value)
    return path.replace("<path:path>", "returns.md")


def ids_of(agent):
    return {"agent_id": agent.agent_id, "knowledge_base_id": agent.knowledge_base_id}


def ask(caller, path, verb, ids, endpoint, variant):
    """The whole answer but for what differs between any two requests, ids taken out."""
    arguments = dict(variant(endpoint))
    headers = caller.headers | arguments.pop("headers", {})
    answer = caller.http.open(fill(path, ids), method=verb, headers=headers, **arguments)
    text = answer.get_data(as_text=True).replace(answer.headers["X-Request-Id"], "")
    told = {name: value for name, value in answer.headers.items() if name not in VARYING}
    for name, value in ids.items():
        text = text.replace(value, name)
    return answer.status_code, text, told


def take_stock(tenants):
    """Everything there is of all agents."""
    agents = [agent for _, owned in tenants for agent in owned]
    return [
        (
            records.find_agent(agent.user_id, agent.agent_id),
            records.get_knowledge_base(agent.knowledge_base_id),
            list_keys(DOCUMENTS, f"{agent.user_id}/{agent.agent_id}/"),
        )
        for agent in agents
    ]


def test_a_foreign_agent_cannot_be_told_from_a_missing_one(tenants):
    before, asked = take_stock(tenants), 0
    missing = {"agent_id": str(uuid4()), "knowledge_base_id": str(uuid4())}
    for _, (caller, _), (path, verb, endpoint), variant in product(
        range(ROUNDS), tenants, ROUTES, VARIANTS
    ):
        expected = ask(caller, path, verb, missing, endpoint, variant)
        if endpoint and verb != "OPTIONS":
            assert expected[0] in {404, 422}, (path, verb)
        foreign = [agent for other, owned in tenants if other is not caller for agent in owned]
        for agent in foreign:
            shown = ask(caller, path, verb, ids_of(agent), endpoint, variant)
            assert shown == expected, (path, verb, agent.status)
            asked += 1
    assert asked == ROUNDS * TENANTS * len(ROUTES) * len(VARIANTS) * (TENANTS - 1) * len(STATUSES)
    assert take_stock(tenants) == before


def test_lists_show_nobody_else_s(tenants):
    for caller, owned in tenants:
        agents = caller.get("/api/agents").json
        assert {a["agentId"] for a in agents} == {a.agent_id for a in owned}
        bases = caller.get("/api/knowledge-bases").json
        assert {b["knowledgeBaseId"] for b in bases} == {a.knowledge_base_id for a in owned}
        for status in STATUSES:
            found = caller.get(f"/api/agents?status_filter={status}").json
            assert [a["userId"] for a in found] == [caller.user_id]


def test_the_matrix_would_notice(sign_in):
    """Each route tells an owner's agent from a missing one."""
    alice = sign_in()
    missing = {"agent_id": str(uuid4()), "knowledge_base_id": str(uuid4())}
    blind = set()
    for path, verb, endpoint in ROUTES:
        if endpoint and verb != "OPTIONS":
            owned = [store_tried(alice.user_id, s) for s in ("active", "failed")]
            known = {ask(alice, path, verb, ids_of(a), endpoint, VARIANTS[0])[0] for a in owned}
            if known == {ask(alice, path, verb, missing, endpoint, VARIANTS[0])[0]}:
                blind.add(endpoint)
    assert blind <= {"submit_agent"}  # an agent that exists cannot be submitted
