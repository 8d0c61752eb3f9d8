"""Webhooks as tenants manage them."""

from __future__ import annotations

import pytest

from include.aws import client
from tests.fakes import store_agent
from tests.hostile_urls import HOSTILE_URLS

URL = "https://hooks.example.com/oratio"


@pytest.fixture
def alice(sign_in):
    return sign_in()


def create(caller, **body):
    return caller.http.post("/api/webhooks", json=body, headers=caller.headers)


def test_a_secret_is_shown_once(alice):
    created = create(alice, url=URL)
    assert created.status_code == 201
    assert created.json["secret"].startswith("whsec_")
    (listed,) = alice.get("/api/webhooks").json
    assert "secret" not in listed
    assert listed == {name: value for name, value in created.json.items() if name != "secret"}
    assert listed["events"] == ["handoff.created", "agent.active", "agent.failed", "agent.deleted"]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_hostile_urls_are_refused(alice, url):
    answer = create(alice, url=url)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["url"]
    assert alice.get("/api/webhooks").json == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": URL, "email": "a@example.com"},
        {"url": URL, "events": []},
        {"url": URL, "events": ["ping"]},
        {"url": URL, "events": ["agent.sings"]},
        {"url": URL, "secret": "mine"},
        {"url": URL, "agentId": "nobody"},
        {"email": "a@example.com"},  # no sender is configured
    ],
)
def test_other_mistakes_are_named(alice, body):
    answer = create(alice, **body)
    assert answer.status_code == 422
    assert answer.json["errors"]


@pytest.mark.parametrize("email", ["a", "a@b", "a@b.c\r\nBcc: x@y.z", "a b@c.de", "<a@b.cd>"])
def test_addresses_that_are_none(alice, configure, email):
    configure(EMAIL_SENDER="oratio@example.com")
    assert create(alice, email=email).status_code == 422


def test_e_mail_is_about_hand_offs(alice, configure):
    configure(EMAIL_SENDER="oratio@example.com")
    created = create(alice, email="desk@example.com").json
    assert (created["events"], created["secret"]) == (["handoff.created"], None)
    answer = create(alice, email="desk@example.com", events=["agent.active"])
    assert answer.status_code == 422


def test_an_agent_of_somebody_else_is_none(alice, sign_in):
    foreign = store_agent({}, user_id=sign_in().user_id)
    assert create(alice, url=URL, agentId=foreign.agent_id).status_code == 422
    own = store_agent({}, user_id=alice.user_id)
    assert create(alice, url=URL, agentId=own.agent_id).status_code == 201


def test_there_are_only_so_many(alice, configure):
    configure(MAX_WEBHOOKS_PER_TENANT=2)
    statuses = [create(alice, url=URL).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]


def test_a_ping_is_put_into_the_outbox(alice):
    webhook_id = create(alice, url=URL).json["webhookId"]
    pinged = alice.http.post(f"/api/webhooks/{webhook_id}:ping", headers=alice.headers)
    assert (pinged.status_code, pinged.json["status"]) == (202, "pending")
    (delivery,) = alice.get(f"/api/webhooks/{webhook_id}/deliveries").json
    assert delivery == pinged.json
    assert (
        alice.http.delete(f"/api/webhooks/{webhook_id}", headers=alice.headers).status_code == 204
    )
    assert alice.get(f"/api/webhooks/{webhook_id}/deliveries").status_code == 404


def test_secrets_are_in_one_table_only(alice):
    secret = create(alice, url=URL).json["secret"]
    for table in client("dynamodb").list_tables()["TableNames"]:
        if table != "oratio-webhooks":
            assert secret not in str(client("dynamodb").scan(TableName=table)["Items"])
