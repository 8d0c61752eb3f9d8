"""DynamoDB transactions that meet others: what passes by itself is tried again."""

from __future__ import annotations

import random
import time
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client

ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 0.02


def write_transaction(actions: list[dict[str, Any]]) -> None:
    """Carry out all actions or none; two transactions on one item take turns.

    A tenant's concurrent requests all count in the tenant's one item. boto3 does not try again.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            client("dynamodb").transact_write_items(TransactItems=actions)
        except ClientError as error:
            if attempt == ATTEMPTS or not is_conflict(error):
                raise
            pause = FIRST_PAUSE_SECONDS * 2**attempt
            time.sleep(random.uniform(0, pause))  # noqa: S311 - jitter, not a secret
        else:
            return


def is_conflict(error: ClientError) -> bool:
    """Whether nothing but other transactions kept this one from happening."""
    reasons = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    return codes == {"TransactionConflict"}
