"""What each tenant has used of its quotas, counted by the transactions that use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from include.errors import TenantQuotaError
from include.items import get_item
from include.lists import count_agents
from include.models import AgentStatus
from include.settings import get_settings

GIB = 1024**3
# What a caller should wait for: a creation to end, or somebody to delete something.
CREATING_RETRY_SECONDS = 60
FULL_RETRY_SECONDS = 3_600


def build_use(user_id: str, agents: int = 0, size_bytes: int = 0) -> dict[str, Any]:
    """A transaction's action that counts these in (or out, when negative), within the quotas."""
    settings = get_settings()
    counts = {":agents": agents, ":bytes": size_bytes}
    update: dict[str, Any] = {
        "TableName": settings.tenants_table,
        "Key": {"userId": {"S": user_id}},
        "UpdateExpression": "ADD agents :agents, storedBytes :bytes",
    }
    if agents > 0 or size_bytes > 0:
        counts |= {
            ":agentRoom": settings.max_agents_per_tenant - agents,
            ":byteRoom": settings.max_stored_bytes_per_tenant - size_bytes,
        }
        update["ConditionExpression"] = (
            "(attribute_not_exists(agents) OR agents <= :agentRoom) AND "
            "(attribute_not_exists(storedBytes) OR storedBytes <= :byteRoom)"
        )
    update["ExpressionAttributeValues"] = {n: {"N": str(count)} for n, count in counts.items()}
    return {"Update": update}


def require_room(user_id: str, agents: int = 0, size_bytes: int = 0) -> None:
    """Refuse what the quotas have no room for.

    :raises TenantQuotaError: naming the quota and what to do.
    """
    settings = get_settings()
    used = get_item(settings.tenants_table, {"userId": {"S": user_id}}) or {}
    if used.get("agents", 0) + agents > settings.max_agents_per_tenant:
        limit = settings.max_agents_per_tenant
        raise TenantQuotaError(
            f"You have {limit} agents, the most there may be. Delete one.", FULL_RETRY_SECONDS
        )
    if used.get("storedBytes", 0) + size_bytes > settings.max_stored_bytes_per_tenant:
        limit = settings.max_stored_bytes_per_tenant // GIB
        raise TenantQuotaError(
            f"Your documents may have {limit} GiB in all. Delete some.", FULL_RETRY_SECONDS
        )
    if agents:
        require_creating_room(user_id)


@contextmanager
def explain_refusal(user_id: str, agents: int = 0, size_bytes: int = 0) -> Iterator[None]:
    """Turn a transaction's refusal into TenantQuotaError when a quota was why."""
    try:
        yield
    except ClientError:
        require_room(user_id, agents, size_bytes)
        raise


def require_creating_room(user_id: str) -> None:
    """Refuse while too many of the user's agents are still being created."""
    limit = get_settings().max_creating_per_tenant
    if count_agents(user_id, AgentStatus.CREATING, limit) >= limit:
        raise TenantQuotaError(
            f"{limit} of your agents are still being created. Wait until one is done.",
            CREATING_RETRY_SECONDS,
        )
