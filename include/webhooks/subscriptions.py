"""Webhooks: which events a tenant wants to be told of, and where."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import Field

from include.aws import client
from include.errors import NotFoundError, TenantQuotaError
from include.items import get_item, list_items, put_new
from include.models import Record, now
from include.settings import get_settings
from include.webhooks.outbox import Entry, WebhookEvent, build_event, put_entry


class Webhook(Record):
    """A receiver, by https or by e-mail; `secret` signs what it is sent."""

    user_id: str
    webhook_id: str = Field(default_factory=lambda: str(uuid4()))
    url: str | None = None
    email: str | None = None
    events: list[WebhookEvent]
    agent_id: str | None = None  # of the only agent it wants to hear of
    secret: str | None = None  # of one with a URL
    created_at: str = Field(default_factory=now)

    def wants(self, event: WebhookEvent, agent_id: str | None) -> bool:
        """Whether it is to be told of such an event of this agent."""
        return event in self.events and self.agent_id in {None, agent_id}


def create_webhook(webhook: Webhook) -> None:
    """Store a new webhook.

    :raises TenantQuotaError: when its user has as many as there may be.
    """
    limit = get_settings().max_webhooks_per_tenant
    if len(list_webhooks(webhook.user_id)) >= limit:
        raise TenantQuotaError(f"You have {limit} webhooks, the most there may be. Delete one.")
    put = put_new(get_settings().webhooks_table, webhook, "webhookId")["Put"]
    client("dynamodb").put_item(**put)


def list_webhooks(user_id: str) -> list[Webhook]:
    """All webhooks of a user, oldest first; there are few."""
    items = list_items(get_settings().webhooks_table, {"userId": user_id})
    found = [Webhook.model_validate(item) for item in items]
    return sorted(found, key=lambda webhook: webhook.created_at)


def find_webhook(user_id: str, webhook_id: str) -> Webhook | None:
    """One webhook of a user's, or None."""
    item = get_item(get_settings().webhooks_table, webhook_key(user_id, webhook_id))
    return Webhook.model_validate(item) if item else None


def get_webhook(user_id: str, webhook_id: str) -> Webhook:
    """One webhook of a user's.

    :raises NotFoundError: when there is none.
    """
    webhook = find_webhook(user_id, webhook_id)
    if webhook is None:
        raise NotFoundError(f"There is no webhook {webhook_id!r}.")
    return webhook


def delete_webhook(webhook: Webhook) -> None:
    """Delete a webhook; what is still to be delivered to it is dropped when it is due."""
    key = webhook_key(webhook.user_id, webhook.webhook_id)
    client("dynamodb").delete_item(TableName=get_settings().webhooks_table, Key=key)


def ping_webhook(webhook: Webhook) -> Entry:
    """Have a test event delivered to one webhook; returns the delivery, which is still pending."""
    data = {"webhookId": webhook.webhook_id}
    entry = build_event(webhook.user_id, WebhookEvent.PING, data, webhook.webhook_id)
    put_entry(entry)
    return entry


def webhook_key(user_id: str, webhook_id: str) -> dict[str, Any]:
    """Key of a webhook in its table."""
    return {"userId": {"S": user_id}, "webhookId": {"S": webhook_id}}
