"""The account's pace of ingestion jobs: AWS takes one start in ten seconds, whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client, error_code
from include.errors import NotReadyError
from include.items import get_item
from include.settings import get_settings

KEY = {"userId": {"S": ".ingestion"}}  # beside the tenants: the dot is in no user id
BUSY_SECONDS = 10.0  # until AWS is asked again after it refused a start


def take_start() -> None:
    """Take the account's next start; a crash before using it costs the spacing, nothing else.

    :raises NotReadyError: while the last start is too recent; holds no worker.
    """
    spacing = get_settings().ingestion_start_spacing_seconds
    if not spacing:
        return
    at = datetime.now(UTC)
    try:
        client("dynamodb").update_item(
            TableName=get_settings().tenants_table,
            Key=KEY,
            UpdateExpression="SET nextStartAt = :next",
            ConditionExpression="attribute_not_exists(nextStartAt) OR nextStartAt <= :now",
            ExpressionAttributeValues={
                ":now": {"S": to_text(at)},
                ":next": {"S": to_text(at + timedelta(seconds=spacing))},
            },
        )
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        raise wait_until(read_next_start(), "Another ingestion job was just started.") from error


def read_next_start() -> str:
    """When the next job may start."""
    item: dict[str, Any] = get_item(get_settings().tenants_table, KEY) or {}
    return str(item.get("nextStartAt") or to_text(datetime.now(UTC)))


def wait_for_room() -> NotReadyError:
    """The wait after AWS refused a start: it takes more when jobs end."""
    at = datetime.now(UTC) + timedelta(seconds=BUSY_SECONDS)
    return wait_until(to_text(at), "As many ingestion jobs run as AWS allows.")


def wait_until(at: str, why: str) -> NotReadyError:
    """The wait until a time, as `to_text` writes it."""
    return NotReadyError(f"{why} The next may start at {at}.", "ingestion_start", {"at": at})


def is_start_due(at: str) -> bool:
    """Whether the time has come."""
    return to_text(datetime.now(UTC)) >= at


def to_text(at: datetime) -> str:
    """ISO 8601 in UTC with a fixed number of digits, so that texts compare as times do."""
    return at.isoformat(timespec="milliseconds")
