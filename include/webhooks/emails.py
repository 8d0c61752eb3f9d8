"""E-mails about hand-offs, sent through SES."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.aws import client, error_code
from include.errors import DeliveryFailedError
from include.settings import get_settings
from include.webhooks.outbox import WebhookEvent

MAX_SUBJECT_CHARACTERS = 120


def send_email(address: str, body: str) -> None:
    """Send one event to one address.

    :raises DeliveryFailedError: when SES does not take it, or no sender is configured.
    """
    sender = get_settings().email_sender
    if not sender:
        raise DeliveryFailedError("E-mail is switched off: EMAIL_SENDER is empty.")
    subject, text = build_email(json.loads(body))
    try:
        client("sesv2").send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": [address]},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                }
            },
        )
    except (ClientError, BotoCoreError) as error:
        reason = error_code(error) if isinstance(error, ClientError) else type(error).__name__
        raise DeliveryFailedError(f"SES did not take the e-mail: {reason}.") from error


def build_email(event: dict[str, Any]) -> tuple[str, str]:
    """Subject and text; tenants' and customers' words are plain text in both."""
    data = event["data"]
    if event["type"] == WebhookEvent.PING:
        return "Oratio: test", "E-mails about hand-offs will come to this address."
    subject = " ".join(f"{data['agentName']}: a customer asks for a person".split())
    address = f"{get_settings().public_api_url}/api/handoffs/{data['handoffId']}"
    text = (
        f"Reason: {data['reason']}\n\n{data['summary']}\n\n"
        f"Transcript: {address}\nSession: {data['sessionId']}\nSince: {data['createdAt']}\n"
    )
    return subject[:MAX_SUBJECT_CHARACTERS], text
