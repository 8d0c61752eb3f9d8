"""Signatures of webhooks, as the Standard Webhooks convention has them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with
SECRET_BYTES = 32


def make_secret() -> str:
    """A new secret, as it is shown to a tenant."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def build_headers(secret: str, event_id: str, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows who sent a body, when, and whether it has it already.

    The time is that of this try, so that receivers can refuse what somebody else repeats later.
    """
    timestamp = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "Oratio-Webhooks/1.0",
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(secret, event_id, timestamp, body),
    }


def sign(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """The signature of id, time and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
