"""Hand-offs: a person is to take over a conversation; one record for each, until acknowledged."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from pydantic import Field, computed_field
from pydantic.alias_generators import to_camel

from include.errors import NotFoundError, WrongStateError
from include.fences import is_fence_error
from include.items import build_update, delete_items, get_item, put_new, write
from include.lists import (
    DEFAULT_LIMIT,
    STATUS_INDEX,
    USER_INDEX,
    Page,
    Position,
    build_query,
    read_page,
)
from include.models import Record, now
from include.settings import get_settings
from include.transactions import write_transaction
from include.webhooks.outbox import WebhookEvent, announce

MAX_TEXT_CHARACTERS = 5_000
# What webhooks are told; not the transcript, which stays where it can be deleted.
TOLD = (
    "handoff_id", "agent_id", "agent_name", "session_key", "session_id", "channel", "reason",
    "summary", "created_at",
)  # fmt: skip


class HandoffStatus(StrEnum):
    """Whether a person knows."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"


class Handoff(Record):
    """An agent asked for a person: why, and what that person must know."""

    user_id: str
    handoff_id: str = Field(default_factory=lambda: str(uuid4()))
    agent_id: str
    agent_name: str
    session_key: str
    session_id: str
    channel: str
    reason: str
    summary: str
    status: HandoffStatus = HandoffStatus.OPEN
    created_at: str = Field(default_factory=now)
    acknowledged_at: str | None = None
    expires_at: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def user_status(self) -> str:
        """Stored for the index by status."""
        return build_user_status(self.user_id, self.status)


def build_user_status(user_id: str, status: HandoffStatus) -> str:
    """Key of the index of one user's hand-offs in one status; user ids hold no `#`."""
    return f"{user_id}#{status}"


def build_opening(handoff: Handoff) -> list[dict[str, Any]]:
    """A transaction's actions that record a new hand-off and tell the webhooks of it."""
    shown = {name: getattr(handoff, name) for name in TOLD}
    data = {to_camel(name): value for name, value in shown.items()}
    return [
        put_new(get_settings().handoffs_table, handoff, "handoffId"),
        announce(handoff.user_id, WebhookEvent.HANDOFF_CREATED, data),
    ]


def mark_open(update: dict[str, Any], handoff: Handoff) -> None:
    """Let a session's update note its hand-off, and fail when it has an open one already."""
    update["ConditionExpression"] = "attribute_not_exists(openHandoffId)"
    update["UpdateExpression"] = update["UpdateExpression"].replace(
        "SET ",
        "SET openHandoffId = :handoffId, handoffStatus = :open, "
        "handoffIds = list_append(if_not_exists(handoffIds, :none), :handoffIds), ",
        1,
    )
    update["ExpressionAttributeValues"] |= {
        ":handoffId": {"S": handoff.handoff_id},
        ":handoffIds": write([handoff.handoff_id]),
        ":none": {"L": []},
        ":open": {"S": HandoffStatus.OPEN},
    }


def get_handoff(user_id: str, handoff_id: str) -> Handoff:
    """One hand-off of a user's.

    :raises NotFoundError: when there is none.
    """
    item = get_item(get_settings().handoffs_table, handoff_key(user_id, handoff_id))
    if item is None or item["expiresAt"] <= time.time():
        raise NotFoundError(f"There is no hand-off {handoff_id!r}.")
    return Handoff.model_validate(item)


def list_handoffs(
    user_id: str,
    status: HandoffStatus | None = None,
    limit: int = DEFAULT_LIMIT,
    start: Position | None = None,
) -> Page[Handoff]:
    """One page of a user's hand-offs, newest first, of one status if given."""
    table = get_settings().handoffs_table
    if status:
        key, index = {"userStatus": build_user_status(user_id, status)}, STATUS_INDEX
    else:
        key, index = {"userId": user_id}, USER_INDEX
    query = build_query(table, index, key, start)
    query["FilterExpression"] = "expiresAt > :now"
    query["ExpressionAttributeValues"][":now"] = {"N": str(int(time.time()))}
    return read_page(query, limit, Handoff)


def acknowledge(handoff: Handoff) -> Handoff:
    """Record that a person has taken over; the session's next request for one is a new hand-off.

    :raises WrongStateError: when it has been acknowledged before, or its session was deleted.
    """
    status, at = HandoffStatus.ACKNOWLEDGED, now()
    changes = {
        "status": status,
        "user_status": build_user_status(handoff.user_id, status),
        "acknowledged_at": at,
    }
    update = build_update(changes)
    update["ConditionExpression"] = "#status = :open"
    update["ExpressionAttributeValues"][":open"] = {"S": HandoffStatus.OPEN}
    key = handoff_key(handoff.user_id, handoff.handoff_id)
    table = get_settings().handoffs_table
    actions = [{"Update": {"TableName": table, "Key": key, **update}}, build_release(handoff)]
    try:
        write_transaction(actions)
    except ClientError as error:
        if is_fence_error(error):
            raise WrongStateError("The hand-off was acknowledged before, or deleted.") from error
        raise
    return handoff.model_copy(update={"status": status, "acknowledged_at": at})


def build_release(handoff: Handoff) -> dict[str, Any]:
    """A transaction's update of the session: nobody is waited for any more."""
    update = build_update({
        "handoff_status": HandoffStatus.ACKNOWLEDGED,
        "open_handoff_id": None,
    })  # fmt: skip
    update["ConditionExpression"] = "#open_handoff_id = :handoffId"
    update["ExpressionAttributeValues"][":handoffId"] = {"S": handoff.handoff_id}
    key = {"agentId": {"S": handoff.agent_id}, "sessionKey": {"S": handoff.session_key}}
    return {"Update": {"TableName": get_settings().sessions_table, "Key": key, **update}}


def delete_handoffs(user_id: str, handoff_ids: list[str]) -> None:
    """Delete these hand-offs; those that are gone are as well."""
    keys = [handoff_key(user_id, handoff_id) for handoff_id in handoff_ids]
    delete_items(get_settings().handoffs_table, keys)


def handoff_key(user_id: str, handoff_id: str) -> dict[str, Any]:
    """Key of a hand-off in its table."""
    return {"userId": {"S": user_id}, "handoffId": {"S": handoff_id}}
