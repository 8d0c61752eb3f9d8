"""API keys with which an agent's customers come: shown once, stored as a digest, revocable.

A token names its key's id, by which the record is found, and holds a secret of 256 random bits. Of
the secret only the SHA-256 is stored. A slow hash with a salt protects passwords, which can be
guessed; what is random and this long cannot, and a slow hash would cost every request its time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError
from pydantic import Field

from include.aws import client
from include.errors import ForbiddenError, NotFoundError, TenantQuotaError, UnauthorizedError
from include.fences import is_fence_error
from include.items import build_update, delete_items, get_item, list_items, write
from include.models import Agent, Record, now
from include.settings import get_settings

TOKEN_PREFIX = "oratio_"  # noqa: S105 - by which a secret scanner knows our keys
TOKEN = re.compile(r"oratio_([0-9a-f]{16})_([0-9a-f]{64})")
ID_BYTES, SECRET_BYTES = 8, 32
LISTED_AFTERWARDS = timedelta(days=30)  # a key that can no longer be used
NOT_VALID = "The API key is not valid for this agent. Ask whoever gave it to you for another."


class Scope(StrEnum):
    """What a key is good for."""

    CHAT = "chat"
    VOICE = "voice"


class ApiKey(Record):
    """A key without its secret."""

    agent_id: str
    key_id: str
    user_id: str
    name: str
    scopes: list[Scope]
    secret_sha256: str
    requests_per_minute: int | None = None  # None: the setting's
    created_at: str = Field(default_factory=now)
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: str | None = None
    uses: int = 0
    ttl: int | None = None  # DynamoDB's: when the record itself goes


def create_key(
    agent: Agent,
    name: str,
    scopes: list[Scope],
    expires_at: datetime | None = None,
    requests_per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """Store a new key of the agent; returns it and its token, which cannot be had again.

    :raises TenantQuotaError: when the agent has as many as it may.
    """
    limit = get_settings().max_keys_per_agent
    if sum(key.revoked_at is None for key in list_keys(agent.agent_id)) >= limit:
        raise TenantQuotaError(f"The agent has {limit} keys, the most there may be. Revoke one.")
    key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_hex(SECRET_BYTES)
    key = ApiKey(
        agent_id=agent.agent_id,
        key_id=key_id,
        user_id=agent.user_id,
        name=name,
        scopes=scopes,
        secret_sha256=digest(secret),
        requests_per_minute=requests_per_minute,
        expires_at=expires_at and expires_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        ttl=expires_at and count_ttl(expires_at),
    )
    client("dynamodb").put_item(TableName=get_settings().keys_table, Item=write(key)["M"])
    return key, f"{TOKEN_PREFIX}{key_id}_{secret}"


def is_key(token: str) -> bool:
    """Whether a bearer token means to be an API key, rather than a JWT."""
    return token.startswith(TOKEN_PREFIX)


def verify_key(token: str, agent_id: str, scope: Scope) -> ApiKey:
    """The key of a token that lets its bearer ask this agent in this way.

    :raises UnauthorizedError: when it is unknown, another agent's, revoked or expired.
    :raises ForbiddenError: when it is not for this.
    """
    match = TOKEN.fullmatch(token)
    key = find_key(agent_id, match[1]) if match else None
    if match is None or key is None:
        raise UnauthorizedError(NOT_VALID)
    if not hmac.compare_digest(digest(match[2]), key.secret_sha256):
        raise UnauthorizedError(NOT_VALID)
    if key.revoked_at:
        raise UnauthorizedError("The API key was revoked.")
    if key.expires_at and datetime.fromisoformat(key.expires_at) <= datetime.now(UTC):
        raise UnauthorizedError("The API key has expired.")
    if scope not in key.scopes:
        raise ForbiddenError(f"The API key is not for {scope}.")
    return key


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_key(agent_id: str, key_id: str) -> ApiKey | None:
    """One key of an agent as it is now."""
    item = get_item(get_settings().keys_table, build_position(agent_id, key_id))
    return ApiKey.model_validate(item) if item else None


def list_keys(agent_id: str) -> list[ApiKey]:
    """All keys of an agent, newest first."""
    keys = [ApiKey.model_validate(item) for item in list_records(agent_id)]
    return sorted(keys, key=lambda key: key.created_at, reverse=True)


def list_records(agent_id: str) -> Iterator[dict[str, Any]]:
    """The records of an agent's keys."""
    return list_items(get_settings().keys_table, {"agentId": agent_id})


def revoke_key(agent_id: str, key_id: str) -> ApiKey:
    """Make a key useless from now on; it is listed for a while. Safe to repeat.

    :raises NotFoundError: when the agent has no such key.
    """
    key = find_key(agent_id, key_id)
    if key is None:
        raise NotFoundError(f"The agent has no key {key_id!r}.")
    if key.revoked_at:
        return key
    changes = {"revoked_at": now(), "ttl": count_ttl(datetime.now(UTC))}
    update_key(agent_id, key_id, build_update(changes))
    return key.model_copy(update=changes)


def record_uses(agent_id: str, key_id: str, uses: int, last_used_at: str) -> None:
    """Add to a key's count; nothing when it is gone."""
    update = build_update({"last_used_at": last_used_at})
    update["UpdateExpression"] += " ADD #uses :uses"
    update["ExpressionAttributeNames"]["#uses"] = "uses"
    update["ExpressionAttributeValues"][":uses"] = {"N": str(uses)}
    try:
        update_key(agent_id, key_id, update)
    except ClientError as error:
        if not is_fence_error(error):
            raise


def update_key(agent_id: str, key_id: str, update: dict[str, Any]) -> None:
    """Change a record that exists."""
    client("dynamodb").update_item(
        TableName=get_settings().keys_table,
        Key=build_position(agent_id, key_id),
        ConditionExpression="attribute_exists(keyId)",
        **update,
    )


def delete_keys(agent_id: str) -> None:
    """Remove all keys of an agent; safe to repeat."""
    positions = [build_position(agent_id, item["keyId"]) for item in list_records(agent_id)]
    delete_items(get_settings().keys_table, positions)


def build_position(agent_id: str, key_id: str) -> dict[str, Any]:
    """A key's place in the table."""
    return {"agentId": {"S": agent_id}, "keyId": {"S": key_id}}


def count_ttl(end: datetime) -> int:
    """When a record goes whose key ends then, in seconds since 1970."""
    return int((end + LISTED_AFTERWARDS).timestamp())
