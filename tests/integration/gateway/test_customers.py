"""Who gets in with which key, how often; and that nobody sees another's session."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import product

import httpx
import pytest

from include.aws import client
from include.keys import Scope, create_key, find_key, revoke_key
from include.sessions import SessionRef, list_sessions, list_turns
from local.tokens import make_token
from tests.fake_runtime import DONE
from tests.integration.gateway.conftest import Customer, store_active

SESSION = "the-same-session-id"


def expire(key_id, agent):
    """Let a key's time be over."""
    client("dynamodb").update_item(
        TableName="oratio-keys",
        Key={"agentId": {"S": agent.agent_id}, "keyId": {"S": key_id}},
        UpdateExpression="SET expiresAt = :then",
        ExpressionAttributeValues={":then": {"S": "2026-01-01T00:00:00.000+00:00"}},
    )


@pytest.fixture
def tokens(agent):
    """Keys that must not open the agent, by what is wrong with them."""
    foreign = store_active(user_id=agent.user_id)
    made = {name: create_key(agent, name, [Scope.CHAT]) for name in ("revoked", "expired", "good")}
    revoke_key(agent.agent_id, made["revoked"][0].key_id)
    expire(made["expired"][0].key_id, agent)
    good = made["good"][1]
    return {
        "revoked": made["revoked"][1],
        "expired": made["expired"][1],
        "wrong scope": create_key(agent, "voice", [Scope.VOICE])[1],
        "another agent's": create_key(foreign, "foreign", [Scope.CHAT])[1],
        "another tenant's": create_key(store_active(), "foreign", [Scope.CHAT])[1],
        "wrong secret": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "unknown": "oratio_" + "0" * 16 + "_" + "0" * 64,
        "cut": good[:-1],
        "upper case": "oratio_" + good.removeprefix("oratio_").upper(),
        "no key": "oratio_",
        "no token": "x",
    }


PATHS = ("chat", "v1/chat/completions")
BODY = {"message": "Hi", "messages": [{"role": "user", "content": "Hi"}]}


def test_keys_that_do_not_open_it(tokens, agent, gateway_url, runtime):
    for (fault, token), path in product(tokens.items(), PATHS):
        body = {"message": "Hi"} if path == "chat" else {"messages": BODY["messages"]}
        customer = Customer(gateway_url, agent, token)
        answer = customer.http.post(customer.path(path), json=body)
        assert answer.status_code == (403 if fault == "wrong scope" else 401), fault
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer"), fault
        assert customer.http.get(customer.path("v1/models")).status_code in {401, 403}
    assert runtime.calls == []


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer \u00e9"])
def test_no_key_at_all(agent, gateway_url, runtime, header):
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    url = f"{gateway_url}/agents/{agent.agent_id}/chat"
    assert httpx.post(url, json={"message": "Hi"}, headers=headers).status_code == 401
    assert runtime.calls == []


def test_another_tenant_s_token(agent, gateway_url, runtime):
    stranger = Customer(gateway_url, agent, make_token("stranger", os.environ["JWT_SECRET"]))
    assert stranger.ask().status_code == 404
    assert runtime.calls == []


def test_an_expiry_to_come_does_not_matter_yet(make_customer, agent):
    customer = make_customer(agent, expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert customer.ask().status_code == 200


def test_a_key_of_an_agent_that_was_deleted(customer, agent, runtime):
    client("dynamodb").update_item(
        TableName="oratio-agents",
        Key={"userId": {"S": agent.user_id}, "agentId": {"S": agent.agent_id}},
        UpdateExpression="SET deletionRequestedAt = :now",
        ExpressionAttributeValues={":now": {"S": "2026-01-01T00:00:00.000+00:00"}},
    )
    assert customer.ask().status_code == 404
    assert runtime.calls == []


def test_a_key_has_its_own_limit(make_customer, agent, runtime):
    busy, other = make_customer(agent, requests_per_minute=2), make_customer(agent)
    statuses = [busy.ask().status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert other.ask().status_code == 200
    assert len(runtime.calls) == 3


def test_a_key_without_a_limit_has_the_setting_s(runtime, start_gateway, agent):
    url = start_gateway(RATE_LIMIT_KEY="1/minute")
    customer = Customer(url, agent, create_key(agent, "x", [Scope.CHAT])[1])
    assert customer.ask().status_code == 200
    refused = customer.ask()
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) >= 1


def test_guessing_counts_against_the_guesser(runtime, start_gateway, agent):
    url = start_gateway(RATE_LIMIT_ADDRESS="2/minute")
    guesser = Customer(url, agent, "oratio_guess")
    assert [guesser.ask().status_code for _ in range(3)] == [401, 401, 429]
    customer = Customer(url, agent, create_key(agent, "x", [Scope.CHAT])[1])
    assert customer.ask().status_code == 200


def test_a_process_gives_so_many_answers_at_a_time(runtime, start_gateway, agent):
    url = start_gateway(MAX_ANSWERS=1)
    customer = Customer(url, agent, create_key(agent, "x", [Scope.CHAT])[1])
    runtime.script = [{"type": "text", "text": "Well"}, "gate", DONE]
    body = {"message": "Hi", "stream": True}
    with customer.http.stream("POST", customer.path(), json=body) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if "Well" in line)
        assert Customer(url, agent, customer.token).ask().status_code == 503
        runtime.gate.set()
        list(lines)
    assert customer.ask().status_code == 200


def test_uses_are_counted(runtime, start_gateway, agent):
    key, token = create_key(agent, "x", [Scope.CHAT])
    customer = Customer(start_gateway(KEY_USE_SECONDS=1), agent, token)
    for _ in range(3):
        customer.ask()
    found = wait_for(lambda: (k := find_key(agent.agent_id, key.key_id)) and k.uses == 3 and k)
    assert found.last_used_at >= key.created_at


def wait_for(look, seconds=20):
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    while datetime.now(UTC) < deadline:
        if found := look():
            return found
    pytest.fail("waited in vain")


def test_two_customers_and_the_tenant_never_share_a_session(make_customer, tenant, agent, runtime):
    callers = [make_customer(agent), make_customer(agent), tenant]
    for number, caller in enumerate(callers):
        assert caller.ask(f"Secret {number}", sessionId=SESSION).status_code == 200
    for number, caller in enumerate(callers):
        caller.ask("What did I say?", sessionId=SESSION)
        assert [turn["question"] for turn in runtime.calls[-1]["history"]] == [f"Secret {number}"]
    assert len({call["session"] for call in runtime.calls}) == len(callers)
    assert len(list_sessions(agent.agent_id).entries) == len(callers)


def test_two_agents_of_one_tenant_never_share_a_session(make_customer, agent, runtime):
    other = store_active(user_id=agent.user_id)
    token = make_token(agent.user_id, os.environ["JWT_SECRET"])
    url = make_customer(agent).url
    for each in (agent, other):
        assert Customer(url, each, token).ask("Secret", sessionId=SESSION).status_code == 200
    first, second = runtime.calls
    assert first["session"] != second["session"]
    assert second["history"] == []
    names = f"tenant:{agent.user_id}"
    keys = [SessionRef(each.agent_id, SESSION, names).key for each in (agent, other)]
    assert [len(list_turns(key)) for key in keys] == [1, 1]


def test_a_customer_s_own_session_goes_on_over_both_protocols(customer, runtime):
    customer.ask("First", sessionId=SESSION)
    customer.http.headers["X-Session-Id"] = SESSION
    customer.complete(("user", "Second"))
    assert runtime.calls[0]["session"] == runtime.calls[1]["session"]
    assert json.loads(json.dumps(runtime.calls[1]["history"])) == []
