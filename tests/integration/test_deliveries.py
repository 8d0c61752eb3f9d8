"""What happens is told: to those who want to hear of it, until they have it, then never again."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.deliveries import MAX_AT_A_TIME, run_deliveries
from include import lifecycle, records
from include.aws import client
from include.errors import StaleGenerationError
from include.models import StepError
from include.sessions import SessionRef, TurnRecord, record_turn
from include.webhooks import delivery, outbox
from include.webhooks.outbox import DeliveryStatus, WebhookEvent, claim_due, list_deliveries
from include.webhooks.signing import make_secret, sign
from include.webhooks.subscriptions import (
    Webhook,
    create_webhook,
    delete_webhook,
    ping_webhook,
)
from tests.fakes import knowledge_base_of, reload, store_agent
from tests.receiver import deliver_all, list_pending, serve_receiver

HANDOFF = {"reason": "The customer\nwas hurt.", "summary": "Fell off a Heron."}
FAILURE = StepError(code="ingestion_failed", message="No document could be read.")


@pytest.fixture
def receiver(empty_stand_in, configure):
    """A receiver, and an outbox that is in a hurry."""
    configure(
        WEBHOOK_DEVELOPMENT="true",
        WEBHOOK_POLL_SECONDS="0.02",
        WEBHOOK_RETRY_FIRST_SECONDS="0.05",
        EMAIL_SENDER="oratio@example.com",
    )
    with serve_receiver() as receiver:
        yield receiver


@pytest.fixture
def agent(receiver):
    return store_agent({}, status="creating")


def subscribe(agent, **fields):
    webhook = Webhook(
        user_id=agent.user_id,
        **{"events": list(WebhookEvent), "secret": make_secret()} | fields,
    )
    create_webhook(webhook)
    return webhook


def hand_over(agent, session_id="session-1"):
    session = SessionRef(agent.agent_id, session_id, "key-1")
    turn = TurnRecord(question="I fell.", answer="I am sorry.", handoff=HANDOFF)
    record_turn(agent, session, turn)


def test_a_receiver_that_fails_twice_gets_it_once(agent, receiver):
    webhook = subscribe(agent, url=receiver.url)
    receiver.statuses = [500, 302]
    hand_over(agent)
    hand_over(agent)  # the same session asks again
    deliver_all()
    deliver_all()

    assert receiver.answered == [500, 302, 204]
    (told,) = list_deliveries(webhook.webhook_id).entries
    assert (told.status, told.attempts, told.last_error) == (DeliveryStatus.DELIVERED, 3, None)
    headers, bodies = zip(*receiver.requests, strict=True)
    assert len(set(bodies)) == len({h["webhook-id"] for h in headers}) == 1
    for header in headers:
        expected = sign(
            webhook.secret, header["webhook-id"], header["webhook-timestamp"], bodies[0]
        )
        assert header["webhook-signature"] == expected
    body = json.loads(bodies[0])
    assert (body["type"], body["data"]["reason"]) == ("handoff.created", HANDOFF["reason"])
    assert (body["data"]["agentId"], body["data"]["sessionId"]) == (agent.agent_id, "session-1")


def test_each_webhook_has_deliveries_of_its_own(agent, receiver):
    other = store_agent({}, user_id=agent.user_id)
    stranger = store_agent({})
    wanted = subscribe(agent, url=receiver.url, events=[WebhookEvent.HANDOFF_CREATED])
    subscribe(agent, url=receiver.url, events=[WebhookEvent.AGENT_DELETED])
    subscribe(agent, url=receiver.url, agent_id=other.agent_id)
    subscribe(stranger, url=receiver.url)
    failing = subscribe(agent, url="http://127.0.0.1:1/closed", agent_id=agent.agent_id)
    hand_over(agent)

    async def run():
        async with run_deliveries():
            while not list_deliveries(failing.webhook_id).entries:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)  # several more tries

    asyncio.run(run())
    assert len(receiver.requests) == 1
    assert [d.status for d in list_deliveries(wanted.webhook_id).entries] == ["delivered"]
    (waiting,) = list_deliveries(failing.webhook_id).entries
    assert waiting.status == DeliveryStatus.PENDING
    assert "connection failed" in waiting.last_error


def test_the_life_of_an_agent_is_told(agent, receiver):
    subscribe(agent, url=receiver.url)
    records.update_agent(agent.ref, status="failed", failure=FAILURE, dispatch=None)
    records.update_agent(agent.ref, status="active", failure=None)
    lifecycle.delete_agent(reload(agent), knowledge_base_of(agent))
    deleted = records.find_agent(agent.user_id, agent.agent_id)
    records.delete_records(deleted.ref, agent.knowledge_base_id)
    deliver_all()
    told = sorted((json.loads(body) for _, body in receiver.requests), key=lambda b: b["timestamp"])
    assert [body["type"] for body in told] == ["agent.failed", "agent.active", "agent.deleted"]
    assert told[0]["data"] == {"agentId": agent.agent_id, "failure": FAILURE.model_dump()}


def test_a_write_that_is_refused_tells_nothing(agent, receiver):
    stale = agent.model_copy(update={"generation": 9})
    with pytest.raises(StaleGenerationError):
        records.update_agent(stale.ref, status="active")
    assert list_pending() == []


def test_a_ping_reaches_one_webhook(agent, receiver):
    webhook = subscribe(agent, url=receiver.url)
    subscribe(agent, url=receiver.url)
    ping_webhook(webhook)
    deliver_all()
    ((_, body),) = receiver.requests
    assert json.loads(body)["data"] == {"webhookId": webhook.webhook_id}


def test_more_than_fit_at_a_time_are_delivered(agent, receiver):
    webhook = subscribe(agent, url=receiver.url)
    events = {ping_webhook(webhook).event_id for _ in range(3 * MAX_AT_A_TIME)}
    deliver_all()
    assert sorted(h["webhook-id"] for h, _ in receiver.requests) == sorted(events)


def test_nothing_is_sent_to_a_deleted_webhook(agent, receiver):
    webhook = subscribe(agent, url=receiver.url)
    ping_webhook(webhook)
    delete_webhook(webhook)
    deliver_all()
    assert receiver.requests == []


def test_two_processes_never_claim_the_same(agent, receiver):
    webhook = subscribe(agent, url=receiver.url)
    for _ in range(20):
        ping_webhook(webhook)
    with ThreadPoolExecutor(4) as pool:
        claimed = [entry for some in pool.map(claim_due, [20] * 4) for entry in some]
    assert len(claimed) == len({entry.entry_id for entry in claimed}) == 20
    assert claim_due(20) == []  # until the claims are over


def test_a_claim_of_a_process_that_died_is_taken_over(agent, receiver, configure):
    webhook = subscribe(agent, url=receiver.url)
    ping_webhook(webhook)
    configure(WEBHOOK_TIMEOUT_SECONDS=str(-outbox.CLAIM_MARGIN_SECONDS))  # over at once
    (dead,) = claim_due(1)
    configure(WEBHOOK_TIMEOUT_SECONDS="5")
    deliver_all()
    assert receiver.successes == 1
    # The first one was only slow: what it has to say counts no more.
    outbox.record_failure(dead, "too late")
    (told,) = list_deliveries(webhook.webhook_id).entries
    assert (told.status, told.last_error, told.due_at) == ("delivered", None, None)


def test_a_success_that_cannot_be_noted_at_once_is_noted_later(agent, receiver, monkeypatch):
    webhook = subscribe(agent, url=receiver.url)
    ping_webhook(webhook)
    record, failures = outbox.record_success, []

    def record_success(entry):
        if len(failures) < 2:
            failures.append(entry)
            raise outbox.ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")
        record(entry)

    monkeypatch.setattr(delivery, "record_success", record_success)
    monkeypatch.setattr(delivery, "NOTE_PAUSE_SECONDS", 0.01)
    deliver_all()
    assert (len(failures), receiver.successes) == (2, 1)


def test_a_delivery_is_given_up_in_the_end(agent, receiver, configure):
    webhook = subscribe(agent, url=receiver.url)
    receiver.statuses = [500] * 100
    ping_webhook(webhook)
    configure(WEBHOOK_RETRY_HOURS="0")
    deliver_all()
    (told,) = list_deliveries(webhook.webhook_id).entries
    assert (told.status, told.last_error) == ("failed", "The receiver answered HTTP 500.")
    assert len(receiver.requests) == 1
    assert "body" not in client("dynamodb").scan(TableName="oratio-outbox")["Items"][0]


def test_a_private_address_is_refused_when_it_is_due(agent, receiver, configure):
    """As a name would be that led elsewhere when the webhook was made."""
    webhook = subscribe(agent, url=receiver.url)
    ping_webhook(webhook)
    configure(WEBHOOK_DEVELOPMENT="false", WEBHOOK_RETRY_HOURS="0")
    deliver_all()
    assert receiver.requests == []
    assert list_deliveries(webhook.webhook_id).entries[0].status == "failed"


def test_a_hand_off_is_mailed(agent, receiver):
    client("sesv2").create_email_identity(EmailIdentity="oratio@example.com")
    subscribe(agent, email="desk@example.com", events=[WebhookEvent.HANDOFF_CREATED], secret=None)
    hand_over(agent)
    deliver_all()
    from moto.ses.models import ses_backends

    (mail,) = ses_backends["123456789012"]["us-east-1"].sent_messages
    assert mail.destinations["ToAddresses"] == ["desk@example.com"]
    assert mail.subject == "Desk: a customer asks for a person"
    assert HANDOFF["summary"] in mail.body


def test_a_pause_grows_and_has_a_limit(configure):
    configure(WEBHOOK_RETRY_FIRST_SECONDS="5", WEBHOOK_RETRY_MAX_SECONDS="3600")
    for attempts, base in [(1, 5), (2, 15), (3, 45), (9, 3600), (10_000, 3600)]:
        pauses = {outbox.count_pause(attempts) for _ in range(50)}
        assert base * 0.5 <= min(pauses) < max(pauses) <= base * 1.5
