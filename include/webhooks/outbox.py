"""The outbox: what tenants are to be told, written in the transaction in which it happens.

An entry without a webhook is an event; it is replaced by one entry for each webhook that wants it.
An entry is worked on by who claims it: that puts its due time off, so that no one else sees it
until the claim is over.
"""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from pydantic import Field

from include.aws import client, error_code
from include.items import build_update, dump_record, put_new, read, write
from include.lists import DEFAULT_LIMIT, Page, Position, build_query, read_page
from include.models import AgentRef, AgentStatus, Record, now
from include.settings import get_settings

DUE_INDEX = "due-index"
WEBHOOK_INDEX = "webhook-created-index"
SECONDS_PER_DAY = 24 * 60 * 60
RETRY_FACTOR = 3
# How long a claim outlasts the delivery's own limit: for slow writes to DynamoDB before and after.
CLAIM_MARGIN_SECONDS = 60


class WebhookEvent(StrEnum):
    """What tenants can be told."""

    HANDOFF_CREATED = "handoff.created"
    AGENT_ACTIVE = "agent.active"
    AGENT_FAILED = "agent.failed"
    AGENT_DELETED = "agent.deleted"
    PING = "ping"


class DeliveryStatus(StrEnum):
    """Whether a receiver has it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Record):
    """How the delivery of an event to a webhook goes; the table's index holds these attributes."""

    entry_id: str
    event_id: str
    event_type: WebhookEvent
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    last_attempt_at: str | None = None
    last_error: str | None = None
    due_at: str | None = None  # of the next try; none once it is over
    created_at: str = Field(default_factory=now)


class Entry(Delivery):
    """An event, or its delivery to one webhook."""

    user_id: str
    webhook_id: str | None = None
    body: str | None = None  # as it is sent; forgotten once that is over
    claim_id: str | None = None
    expires_at: int


EVENT_BY_STATUS = {
    AgentStatus.ACTIVE: WebhookEvent.AGENT_ACTIVE,
    AgentStatus.FAILED: WebhookEvent.AGENT_FAILED,
}


def announce_status(ref: AgentRef, attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """A transaction's actions that tell webhooks of an agent's new status, if they care for it."""
    event = EVENT_BY_STATUS.get(attributes.get("status", ""))
    if event is None:
        return []
    failure = attributes.get("failure")
    return [announce_agent(ref, event, {"failure": failure} if failure else {})]


def announce_agent(ref: AgentRef, event: WebhookEvent, facts: dict[str, Any]) -> dict[str, Any]:
    """A transaction's action that tells webhooks what happened to an agent."""
    return announce(ref.user_id, event, {"agentId": ref.agent_id, **facts})


def announce(user_id: str, event: WebhookEvent, data: dict[str, Any]) -> dict[str, Any]:
    """A transaction's action that tells a user's webhooks of an event."""
    return put_new(get_settings().outbox_table, build_event(user_id, event, data), "entryId")


def build_event(
    user_id: str, event: WebhookEvent, data: dict[str, Any], webhook_id: str | None = None
) -> Entry:
    """A new event, due now; for one webhook only if given."""
    event_id, at = f"msg_{uuid4().hex}", now()
    body = {"type": event, "timestamp": at, "data": data}
    return Entry(
        entry_id=build_entry_id(event_id, webhook_id),
        event_id=event_id,
        event_type=event,
        user_id=user_id,
        webhook_id=webhook_id,
        body=json.dumps(body, default=dump_record, ensure_ascii=False),
        created_at=at,
        due_at=at,
        expires_at=count_expiry(),
    )


def build_entry_id(event_id: str, webhook_id: str | None) -> str:
    """The same for the same event and webhook, so that none is delivered as two."""
    return f"{event_id}.{webhook_id}" if webhook_id else event_id


def count_expiry() -> int:
    """When an entry written now is to be forgotten, in seconds since 1970."""
    return int(time.time()) + get_settings().webhook_delivery_days * SECONDS_PER_DAY


def put_entry(entry: Entry) -> None:
    """Write an entry unless it is there already, in whatever state."""
    try:
        client("dynamodb").put_item(**put_new(get_settings().outbox_table, entry, "entryId")["Put"])
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise


def claim_due(limit: int) -> list[Entry]:
    """Claim up to `limit` entries that are due; those that another process takes are left out."""
    answer = client("dynamodb").query(
        TableName=get_settings().outbox_table,
        IndexName=DUE_INDEX,
        KeyConditionExpression="#status = :pending AND dueAt <= :now",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={
            ":pending": {"S": DeliveryStatus.PENDING},
            ":now": {"S": now()},
        },
        Limit=limit,
    )
    claimed = (claim(item["entryId"]["S"], item["dueAt"]["S"]) for item in answer["Items"])
    return [entry for entry in claimed if entry]


def claim(entry_id: str, due_at: str) -> Entry | None:
    """Claim an entry that is due at this very time; None when somebody else did."""
    lease_seconds = get_settings().webhook_timeout_seconds + CLAIM_MARGIN_SECONDS
    update = build_update({
        "claim_id": uuid4().hex,
        "due_at": build_time(lease_seconds),
        "last_attempt_at": now(),
    })  # fmt: skip
    update["UpdateExpression"] += " ADD attempts :one"
    update["ConditionExpression"] = "#due_at = :seen"
    update["ExpressionAttributeValues"] |= {":one": {"N": "1"}, ":seen": {"S": due_at}}
    try:
        answer = client("dynamodb").update_item(
            **entry_key(entry_id), **update, ReturnValues="ALL_NEW"
        )
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return None
    return Entry.model_validate(read(answer["Attributes"]))


def build_time(seconds: float) -> str:
    """The time in so many seconds."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def record_success(entry: Entry) -> None:
    """Record that the receiver has it, whoever holds the claim by now: it is not sent again."""
    write_if(entry, build_end(DeliveryStatus.DELIVERED, None))


def record_failure(entry: Entry, reason: str) -> None:
    """Record why a try failed; it is tried again after a growing pause, until its time is over."""
    if entry.created_at <= build_time(-get_settings().webhook_retry_hours * 3600):
        update = build_end(DeliveryStatus.FAILED, reason)
    else:
        due_at = build_time(count_pause(entry.attempts))
        update = build_update({"due_at": due_at, "last_error": reason, "claim_id": None})
    update["ConditionExpression"] = "#claim_id = :ours"
    update["ExpressionAttributeValues"][":ours"] = write(entry.claim_id)
    write_if(entry, update)


def count_pause(attempts: int) -> float:
    """Seconds until the next try: three times as much each, with jitter against herds."""
    settings = get_settings()
    pause = settings.webhook_retry_first_seconds * float(RETRY_FACTOR ** min(attempts - 1, 20))
    jitter = random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
    return min(pause, settings.webhook_retry_max_seconds) * jitter


def build_end(status: DeliveryStatus, reason: str | None) -> dict[str, Any]:
    """The update that takes an entry off what is due, and forgets what was to be sent."""
    ended = {"status": status, "last_error": reason}
    update = build_update({**ended, "due_at": None, "body": None, "claim_id": None})
    update["ConditionExpression"] = "attribute_exists(entryId)"
    return update


def write_if(entry: Entry, update: dict[str, Any]) -> None:
    """Carry an update out on its condition; when that is not met, nothing is to be done."""
    try:
        client("dynamodb").update_item(**entry_key(entry.entry_id), **update)
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise


def delete_entry(entry: Entry) -> None:
    """Forget an entry."""
    client("dynamodb").delete_item(**entry_key(entry.entry_id))


def entry_key(entry_id: str) -> dict[str, Any]:
    """Table and key of an entry, as DynamoDB calls take them."""
    return {"TableName": get_settings().outbox_table, "Key": {"entryId": {"S": entry_id}}}


def list_deliveries(
    webhook_id: str, limit: int = DEFAULT_LIMIT, start: Position | None = None
) -> Page[Delivery]:
    """One page of a webhook's deliveries, newest first."""
    table = get_settings().outbox_table
    query = build_query(table, WEBHOOK_INDEX, {"webhookId": webhook_id}, start)
    return read_page(query, limit, Delivery)
