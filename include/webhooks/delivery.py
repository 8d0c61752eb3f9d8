"""What becomes of an entry of the outbox: an event goes to its webhooks, a delivery to one.

At least once, with the event's id: an event reaches a receiver twice only when the process ends,
or DynamoDB stays away for minutes, between the receiver's answer and the note of it. It is never
sent again once the success is noted, and never by two processes at a time.
"""

from __future__ import annotations

import asyncio
import json
import time

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import DeliveryFailedError
from include.webhooks.emails import send_email
from include.webhooks.outbox import (
    CLAIM_MARGIN_SECONDS,
    Entry,
    build_entry_id,
    delete_entry,
    put_entry,
    record_failure,
    record_success,
)
from include.webhooks.sender import send
from include.webhooks.signing import build_headers
from include.webhooks.subscriptions import Webhook, find_webhook, list_webhooks

NOTE_PAUSE_SECONDS = 1


async def process_entry(entry: Entry) -> None:
    """Do what an entry that was claimed asks for."""
    if entry.webhook_id is None:
        await asyncio.to_thread(distribute, entry)
        return
    webhook = await asyncio.to_thread(find_webhook, entry.user_id, entry.webhook_id)
    if webhook is None:
        await asyncio.to_thread(delete_entry, entry)
        return
    try:
        await deliver(webhook, entry)
    except DeliveryFailedError as error:
        await asyncio.to_thread(record_failure, entry, error.message)
    else:
        await note_success(entry)


async def note_success(entry: Entry) -> None:
    """Record that the receiver has it, trying as long as nobody else takes it for undelivered."""
    ends_at = time.monotonic() + CLAIM_MARGIN_SECONDS / 2
    while True:
        try:
            return await asyncio.to_thread(record_success, entry)
        except (ClientError, BotoCoreError):
            if time.monotonic() > ends_at:
                raise
        await asyncio.sleep(NOTE_PAUSE_SECONDS)


def distribute(event: Entry) -> None:
    """Replace an event by a delivery to each webhook that wants it; safe to repeat."""
    agent_id = json.loads(event.body or "{}").get("data", {}).get("agentId")
    for webhook in list_webhooks(event.user_id):
        if webhook.wants(event.event_type, agent_id):
            put_entry(build_delivery(event, webhook))
    delete_entry(event)


def build_delivery(event: Entry, webhook: Webhook) -> Entry:
    """The delivery of an event to a webhook, due as the event was."""
    return event.model_copy(
        update={
            "entry_id": build_entry_id(event.event_id, webhook.webhook_id),
            "webhook_id": webhook.webhook_id,
            "attempts": 0,
            "due_at": event.created_at,
            "claim_id": None,
            "last_attempt_at": None,
        }
    )


async def deliver(webhook: Webhook, entry: Entry) -> None:
    """Send an event to a webhook.

    :raises DeliveryFailedError: when the receiver did not take it.
    """
    if webhook.email:
        await asyncio.to_thread(send_email, webhook.email, entry.body or "{}")
        return
    body = (entry.body or "{}").encode()
    await send(webhook.url or "", build_headers(webhook.secret or "", entry.event_id, body), body)
