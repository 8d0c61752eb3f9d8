"""An agent's keys: shown once, stored as a digest, listed, revoked; found nowhere afterwards."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import os
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from gateway.app import create_app as create_gateway
from include.aws import client
from include.keys import Scope, create_key, delete_keys, find_key, list_keys, verify_key
from include.logs import LOGGING
from local.tokens import make_token
from tests.fake_runtime import serve_asgi, serve_runtime
from tests.fakes import store_agent

pytestmark = pytest.mark.usefixtures("no_airflow")

SOON = (datetime.now(UTC) + timedelta(days=90)).isoformat()


@pytest.fixture
def alice(sign_in):
    return sign_in()


@pytest.fixture
def agent(alice):
    return store_agent({}, user_id=alice.user_id, status="active")


def post(caller, agent, **body):
    path = f"/api/agents/{agent.agent_id}/keys"
    return caller.http.post(path, json={"name": "Shop"} | body, headers=caller.headers)


def test_a_key_is_shown_once(alice, agent):
    answer = post(alice, agent, expiresAt=SOON, requestsPerMinute=5, scopes=["chat", "voice"])
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json["key"]
    assert re.fullmatch(r"oratio_[0-9a-f]{16}_[0-9a-f]{64}", token)
    [listed] = alice.get(f"/api/agents/{agent.agent_id}/keys").json
    assert listed == {name: v for name, v in answer.json.items() if name != "key"}
    assert (listed["name"], listed["scopes"], listed["uses"]) == ("Shop", ["chat", "voice"], 0)
    assert verify_key(token, agent.agent_id, Scope.VOICE).requests_per_minute == 5


def test_what_is_left_out_is_chat_without_an_end(alice, agent):
    key = post(alice, agent).json
    assert (key["scopes"], key["expiresAt"], key["requestsPerMinute"]) == (["chat"], None, None)


def test_two_keys_differ(alice, agent):
    assert post(alice, agent).json["key"] != post(alice, agent).json["key"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": " "},
        {"scopes": []},
        {"scopes": ["admin"]},
        {"expiresAt": "2026-01-01T00:00:00Z"},
        {"expiresAt": "2099-01-01T00:00:00"},
        {"requestsPerMinute": 0},
        {"keyId": "0" * 16},
    ],
)
def test_what_no_key_can_be(alice, agent, body):
    answer = post(alice, agent, **body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].startswith(next(iter(body)))
    assert list_keys(agent.agent_id) == []


def test_there_is_an_end_to_the_number_of_keys(alice, agent, configure):
    configure(MAX_KEYS_PER_AGENT=1)
    key = post(alice, agent).json
    assert post(alice, agent).status_code == 429
    revoke(alice, agent, key["keyId"])
    assert post(alice, agent).status_code == 201


def revoke(caller, agent, key_id):
    path = f"/api/agents/{agent.agent_id}/keys/{key_id}"
    return caller.http.delete(path, headers=caller.headers)


def test_revoking_is_for_good_and_can_be_repeated(alice, agent):
    key = post(alice, agent).json
    first, second = (revoke(alice, agent, key["keyId"]) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json["revokedAt"] == second.json["revokedAt"]
    assert revoke(alice, agent, "0" * 16).status_code == 404
    [item] = client("dynamodb").query(
        TableName="oratio-keys",
        KeyConditionExpression="agentId = :agent",
        ExpressionAttributeValues={":agent": {"S": agent.agent_id}},
    )["Items"]
    assert int(item["ttl"]["N"]) > datetime.now(UTC).timestamp()


def test_a_deleted_agent_s_keys_are_deleted(agent):
    other = store_agent({})
    for each in (agent, agent, other):
        create_key(each, "x", [Scope.CHAT])
    delete_keys(agent.agent_id)
    assert list_keys(agent.agent_id) == []
    assert len(list_keys(other.agent_id)) == 1


def dump_database():
    """All items of all tables as text."""
    tables = client("dynamodb").list_tables()["TableNames"]
    pages = (client("dynamodb").get_paginator("scan").paginate(TableName=t) for t in tables)
    return json.dumps([page["Items"] for each in pages for page in each], default=str)


@pytest.fixture
def log(monkeypatch):
    """All that both processes would write to their logs, at the most talkative level."""
    stream = io.StringIO()
    handlers = {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": stream}}
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logging.config.dictConfig(LOGGING | {"handlers": handlers, "loggers": {}})
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def test_keys_are_in_no_database_log_or_trace(
    sign_in, no_airflow, log, monkeypatch, configure, stand_in
):
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    alice = sign_in()
    agent = store_agent(
        {}, user_id=alice.user_id, status="active", agentcore_agent_arn="arn:aws:x:us-east-1:1:r/x"
    )
    spans, provider, app = InMemorySpanExporter(), TracerProvider(), create_app()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    FlaskInstrumentor().instrument_app(app, tracer_provider=provider)
    headers = alice.headers | {"Idempotency-Key": "once"}
    path = f"/api/agents/{agent.agent_id}/keys"
    made = app.test_client().post(path, json={"name": "Shop"}, headers=headers)
    token = made.json["key"]
    with serve_runtime() as runtime:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", runtime.url)
        with serve_asgi(create_gateway) as url:
            statuses = [ask(url, agent, key) for key in (token, token[:-1] + "x")]
            ask(url, agent, make_token("mallory", os.environ["JWT_SECRET"]))
        assert token not in json.dumps(runtime.calls)
    assert statuses == [200, 401]
    secret = token.rpartition("_")[2]
    found = find_key(agent.agent_id, made.json["keyId"])
    assert found.secret_sha256 in dump_database()
    assert '"status": 200' in log.getvalue()
    assert spans.get_finished_spans()
    for place in (dump_database(), log.getvalue(), dump(spans)):
        assert secret[:-1] not in place


def ask(url, agent, token):
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{url}/agents/{agent.agent_id}/chat"
    return httpx.post(path, json={"message": "Hi"}, headers=headers).status_code


def dump(spans):
    return "".join(span.to_json() for span in spans.get_finished_spans())
